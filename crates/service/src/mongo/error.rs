//! What an error of the database means to us.

use mongodb::error::{
    Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};

use super::patience::OPERATION_LIMIT;
use crate::finish::Panicked;
use crate::http::ApiError;
use crate::messaging::Failure;

const DUPLICATE_KEY: i32 = 11_000;
/// A transaction has the document.
const WRITE_CONFLICT: i32 = 112;
/// The time limit of an operation is over.
const TOO_SLOW: i32 = 50;

/// What a server answers that is stopping, is no longer the primary or cannot reach the others: the codes after which
/// drivers try again (<https://github.com/mongodb/specifications/blob/master/source/retryable-reads/retryable-reads.md>).
const PASSING: [i32; 13] = [
    6, 7, 89, 91, 134, 189, 262, 9_001, 10_107, 11_600, 11_602, 13_435, 13_436,
];

/// The database could not do what was asked of it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("database: {0}")]
pub struct StoreError(Cause);

#[derive(Debug, Clone, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Server(Error),
    #[error("no answer within {OPERATION_LIMIT:?}")]
    NoAnswer,
    /// One of several documents that were written together was not.
    #[error("{message} (code {code})")]
    Document { code: i32, message: String },
    #[cfg(feature = "simulation")]
    #[error(transparent)]
    Memory(super::memory::Refusal),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self(Cause::Server(error))
    }
}

impl From<bson::error::Error> for StoreError {
    fn from(error: bson::error::Error) -> Self {
        Error::from(error).into()
    }
}

#[cfg(feature = "simulation")]
impl From<super::memory::Refusal> for StoreError {
    fn from(refusal: super::memory::Refusal) -> Self {
        Self(Cause::Memory(refusal))
    }
}

impl StoreError {
    pub(super) const fn no_answer() -> Self {
        Self(Cause::NoAnswer)
    }

    /// An operation panicked, which is a fault of the driver or of ours.
    pub(super) fn panicked(panicked: Panicked) -> Self {
        Error::custom(panicked.to_string()).into()
    }

    /// What the server says of one document of several.
    pub(super) const fn of_document(code: i32, message: String) -> Self {
        Self(Cause::Document { code, message })
    }

    /// What kind of failure it is, for metrics.
    pub(super) fn kind(&self) -> &'static str {
        match &self.0 {
            Cause::NoAnswer => "given_up",
            _ if self.is_duplicate_key() => "duplicate_key",
            _ if self.is_lost_transaction() => "conflict",
            _ if self.is_unavailable() => "unavailable",
            _ => "other",
        }
    }

    /// Whether trying again later may help: the database is away, changing its primary, or busy.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => is_passing(error),
            Cause::NoAnswer => true,
            Cause::Document { code, .. } => *code == WRITE_CONFLICT || PASSING.contains(code),
            #[cfg(feature = "simulation")]
            Cause::Memory(refusal) => *refusal == super::memory::Refusal::Conflict,
        }
    }

    /// Whether a unique value is taken. Writes report it of the document that failed, or as a failed command inside
    /// a transaction.
    #[must_use]
    pub fn is_duplicate_key(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => match &*error.kind {
                ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
                ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
                // In a transaction, which ends with the first that fails.
                ErrorKind::InsertMany(error) => {
                    let mut failed = error.write_errors.iter().flatten();
                    failed.any(|failed| failed.code == DUPLICATE_KEY)
                }
                _ => false,
            },
            Cause::Document { code, .. } => *code == DUPLICATE_KEY,
            Cause::NoAnswer => false,
            #[cfg(feature = "simulation")]
            Cause::Memory(refusal) => *refusal == super::memory::Refusal::Duplicate,
        }
    }

    /// Whether the transaction lost against another and is to be tried again from its start.
    pub(super) fn is_lost_transaction(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => is_conflict(error),
            Cause::NoAnswer | Cause::Document { .. } => false,
            #[cfg(feature = "simulation")]
            Cause::Memory(refusal) => *refusal == super::memory::Refusal::Conflict,
        }
    }

    /// Whether it is not known if the commit worked.
    pub(super) fn is_unknown_commit(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT),
            Cause::NoAnswer | Cause::Document { .. } => false,
            #[cfg(feature = "simulation")]
            Cause::Memory(_) => false,
        }
    }
}

fn is_passing(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Shutdown => true,
        ErrorKind::Command(error) if error.code == TOO_SLOW || PASSING.contains(&error.code) => {
            true
        }
        _ => is_conflict(error) || error.contains_label("RetryableWriteError"),
    }
}

/// Whether a transaction met the writes of another. That may be said of all of it, or of one change of several.
fn is_conflict(error: &Error) -> bool {
    let of_one = match &*error.kind {
        ErrorKind::BulkWrite(error) => {
            let mut failed = error.write_errors.values();
            failed.any(|failed| failed.code == WRITE_CONFLICT)
        }
        _ => false,
    };
    of_one || error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.into())
        } else {
            Self::Retry(error.into())
        }
    }
}
