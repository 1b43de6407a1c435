//! What an error of the database means to us.

use mongodb::error::{
    Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};

use super::timeouts::{INDEX_LIMIT, OPERATION_LIMIT};
use base::finish::Panicked;

const DUPLICATE_KEY: i32 = 11_000;
/// A transaction has the document.
const WRITE_CONFLICT: i32 = 112;
/// The time limit of an operation is over.
const TOO_SLOW: i32 = 50;
/// A majority did not confirm a write in time.
const NOT_REPLICATED: [i32; 2] = [64, 100];

/// The user does not exist, has another password, or may not do this: as while users are being created, or a password is
/// rotated. The last one is a connection that has to sign in again.
const NOT_PERMITTED: [i32; 4] = [11, 13, 18, 391];

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
    #[error("{}", words(.0))]
    Server(Error),
    #[error("no answer within {OPERATION_LIMIT:?}")]
    NoAnswer,
    /// A change that is tried again loses each time.
    #[error("others changed it each time that this was tried")]
    Contended,
    #[error(
        "indexes not built within {INDEX_LIMIT:?}: the server does not answer, or it waits for a member of the replica \
         set that is down (see rs.status())"
    )]
    IndexesUnfinished,
    /// One document of a batch was not written.
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

    /// Whether others were faster each time that a change was tried ([`until_written`](super::until_written)).
    #[must_use]
    pub const fn is_contended(&self) -> bool {
        matches!(self.0, Cause::Contended)
    }

    pub(super) const fn indexes_unfinished() -> Self {
        Self(Cause::IndexesUnfinished)
    }

    /// Whether the server does not know the command, or not at its feature compatibility version.
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
            Cause::Contended => "conflict",
            _ if self.is_lost_transaction() => "conflict",
            _ if self.is_unavailable() => "unavailable",
            _ => "other",
        }
    }

    /// Whether trying again later may help: the database is away, changing its primary, busy, or does not accept our user
    /// yet.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => is_passing(error),
            Cause::NoAnswer | Cause::Contended | Cause::Conflict => true,
            Cause::IndexesUnfinished => false,
            Cause::Document { code, .. } => *code == WRITE_CONFLICT || PASSING.contains(code),
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
            _ => false,
        }
    }

    /// Whether the transaction lost against another and is to be tried again from its start.
    pub(super) fn is_lost_transaction(&self) -> bool {
        match &self.0 {
            Cause::Server(error) => is_conflict(error),
            Cause::Conflict => true,
            _ => false,
        }
    }

    /// Whether a commit that failed so may have worked. Whatever does not say that the transaction was aborted leaves it
    /// open: an answer that is late or lost, and a server that cannot be reached to ask.
    pub(super) fn is_unknown_commit(&self) -> bool {
        let is_labelled = match &self.0 {
            Cause::Server(error) => error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT),
            _ => false,
        };
        is_labelled || (self.is_unavailable() && !self.is_lost_transaction())
    }
}

/// The server's error as an operator should read it.
fn words(error: &Error) -> String {
    let is_refused = match &*error.kind {
        ErrorKind::Authentication { .. } => true,
        // What the driver knows of a server that refused it.
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

/// The server's code for what it did not do, or did and could not confirm.
fn code_of(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        ErrorKind::InsertMany(error) => Some(error.write_concern_error.as_ref()?.code),
        ErrorKind::BulkWrite(error) => Some(error.write_concern_errors.first()?.code),
        _ => None,
    }
}

fn is_passing(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Authentication { .. }
        | ErrorKind::Shutdown => true,
        _ => {
            code_of(error).is_some_and(is_passing_code)
                || is_conflict(error)
                || error.contains_label("RetryableWriteError")
        }
    }
}

fn is_passing_code(code: i32) -> bool {
    code == TOO_SLOW
        || PASSING.contains(&code)
        || NOT_PERMITTED.contains(&code)
        || NOT_REPLICATED.contains(&code)
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
