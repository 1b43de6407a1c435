//! The database's errors, classified by what a caller can do about them.

use base::finish::Panicked;
use mongodb::error::{
    Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};

use super::timeouts::{INDEX_LIMIT, OPERATION_LIMIT};

const DUPLICATE_KEY: i32 = 11_000;
/// An open transaction wrote the document.
const WRITE_CONFLICT: i32 = 112;
/// The operation exceeded its time limit.
const TOO_SLOW: i32 = 50;
/// A majority did not confirm a write in time.
const NOT_REPLICATED: [i32; 2] = [64, 100];

/// The user does not exist, has another password or lacks a permission, as happens while users are created
/// or passwords rotated. The last code asks the connection to authenticate again.
const NOT_PERMITTED: [i32; 4] = [11, 13, 18, 391];

/// The server is stopping, is no longer the primary or cannot reach the other members: the codes after which drivers
/// retry (<https://github.com/mongodb/specifications/blob/master/source/retryable-reads/retryable-reads.md>).
const TRANSIENT: [i32; 13] = [
    6, 7, 89, 91, 134, 189, 262, 9_001, 10_107, 11_600, 11_602, 13_435, 13_436,
];

/// An operation on the database failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("database: {0}")]
pub struct StoreError(Cause);

#[derive(Debug, Clone, thiserror::Error)]
enum Cause {
    #[error("{}", describe(.0))]
    Server(Error),
    #[error("no answer within {OPERATION_LIMIT:?}")]
    NoAnswer,
    /// Concurrent changes won every retry.
    #[error("concurrent changes won every retry")]
    Contended,
    #[error(
        "indexes not built within {INDEX_LIMIT:?}: the server does not answer, or it waits for a member of the replica \
         set that is down (see rs.status())"
    )]
    IndexesUnfinished,
    /// One document of a batch failed.
    #[error("{message} (code {code})")]
    Document { code: i32, message: String },
    /// In a transaction of a database that replaces MongoDB.
    #[error("write conflict")]
    Conflict,
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

impl StoreError {
    /// The database did not answer in time, so the effect is unknown.
    #[must_use]
    pub const fn no_answer() -> Self {
        Self(Cause::NoAnswer)
    }

    /// A unique value is taken, in a database that replaces MongoDB.
    #[must_use]
    pub fn duplicate_key() -> Self {
        Self::of_document(DUPLICATE_KEY, "duplicate key".to_owned())
    }

    /// The transaction must be retried from the start, in a database that replaces MongoDB.
    #[must_use]
    pub const fn write_conflict() -> Self {
        Self(Cause::Conflict)
    }

    pub(super) const fn is_no_answer(&self) -> bool {
        matches!(self.0, Cause::NoAnswer)
    }

    pub(super) const fn contended() -> Self {
        Self(Cause::Contended)
    }

    /// Whether concurrent changes won every retry ([`until_written`](super::until_written)).
    #[must_use]
    pub const fn is_contended(&self) -> bool {
        matches!(self.0, Cause::Contended)
    }

    pub(super) const fn indexes_unfinished() -> Self {
        Self(Cause::IndexesUnfinished)
    }

    /// Whether the server does not support the command, or not in its feature compatibility version.
    pub(super) fn is_unsupported(&self) -> bool {
        const COMMAND_NOT_FOUND: i32 = 59;
        const COMMAND_NOT_SUPPORTED: i32 = 115;
        match &self.0 {
            Cause::Server(error) => match &*error.kind {
                ErrorKind::IncompatibleServer { .. } => true,
                _ => matches!(
                    code_of(error),
                    Some(COMMAND_NOT_FOUND | COMMAND_NOT_SUPPORTED)
                ),
            },
            _ => false,
        }
    }

    /// The operation panicked, because of a bug in the driver or here.
    pub(super) fn panicked(panicked: Panicked) -> Self {
        Error::custom(panicked.to_string()).into()
    }

    /// The error of one document of a batch.
    pub(super) const fn of_document(code: i32, message: String) -> Self {
        Self(Cause::Document { code, message })
    }

    /// The kind of failure, as a metric's label.
    pub(super) fn kind(&self) -> &'static str {
        match &self.0 {
            Cause::NoAnswer => "given_up",
            _ if self.is_duplicate_key() => "duplicate_key",
            Cause::Contended => "conflict",
            _ if self.is_write_conflict() => "conflict",
            _ if self.is_unavailable() => "unavailable",
            _ => "other",
        }
    }

    /// Whether a later retry may succeed: the database is away, elects a primary, is busy, or does not accept our user
    /// yet.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => is_transient(error),
            Cause::NoAnswer | Cause::Contended | Cause::Conflict => true,
            Cause::IndexesUnfinished => false,
            Cause::Document { code, .. } => *code == WRITE_CONFLICT || TRANSIENT.contains(code),
        }
    }

    /// Whether a unique value is taken. The server reports it for the document or, in a transaction, for the command.
    #[must_use]
    pub fn is_duplicate_key(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => match &*error.kind {
                ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
                ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
                // In a transaction, which ends at the first failure.
                ErrorKind::InsertMany(error) => {
                    let mut failed = error.write_errors.iter().flatten();
                    failed.any(|failed| failed.code == DUPLICATE_KEY)
                }
                _ => false,
            },
            Cause::Document { code, .. } => *code == DUPLICATE_KEY,
            _ => false,
        }
    }

    /// Whether the transaction conflicted with another one and must be retried from the start.
    pub(super) fn is_write_conflict(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => is_conflict(error),
            Cause::Conflict => true,
            _ => false,
        }
    }

    /// Whether a commit with this error may have succeeded: the response is late or lost, or the server is unreachable.
    /// Only an error that reports the abort of the transaction rules it out.
    pub(super) fn is_unknown_commit(&self) -> bool {
        let is_labelled = match &self.0 {
            Cause::Server(error) => error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT),
            _ => false,
        };
        is_labelled || (self.is_unavailable() && !self.is_write_conflict())
    }
}

/// The server's error, as a message for the operator.
fn describe(error: &Error) -> String {
    let is_refused = match &*error.kind {
        ErrorKind::Authentication { .. } => true,
        // The driver's message for a server that refused to authenticate it.
        ErrorKind::ServerSelection { message, .. } => message.contains("SCRAM failure"),
        _ => code_of(error).is_some_and(|code| NOT_PERMITTED.contains(&code)),
    };
    if is_refused {
        format!(
            "the server does not accept our user or password, or not yet: {}",
            error.kind
        )
    } else {
        error.to_string()
    }
}

/// The server's code of a failed command or of a write that it could not confirm.
fn code_of(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        ErrorKind::InsertMany(error) => Some(error.write_concern_error.as_ref()?.code),
        ErrorKind::BulkWrite(error) => Some(error.write_concern_errors.first()?.code),
        _ => None,
    }
}

fn is_transient(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Authentication { .. }
        | ErrorKind::Shutdown => true,
        _ => {
            code_of(error).is_some_and(is_transient_code)
                || is_conflict(error)
                || error.contains_label("RetryableWriteError")
        }
    }
}

fn is_transient_code(code: i32) -> bool {
    code == TOO_SLOW
        || TRANSIENT.contains(&code)
        || NOT_PERMITTED.contains(&code)
        || NOT_REPLICATED.contains(&code)
}

/// Whether a transaction conflicted with another one. The error is that of the command, or of one change of a batch.
fn is_conflict(error: &Error) -> bool {
    let in_batch = match &*error.kind {
        ErrorKind::BulkWrite(error) => {
            let mut failed = error.write_errors.values();
            failed.any(|failed| failed.code == WRITE_CONFLICT)
        }
        _ => false,
    };
    in_batch || error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}
