//! What an error of the driver means to us.

use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

use crate::http::ApiError;
use crate::messaging::Failure;

const DUPLICATE_KEY: i32 = 11_000;
/// The time limit of an operation is over.
const TOO_SLOW: i32 = 50;

/// What a server answers that is stopping, is no longer the primary or cannot reach the others: the codes after which
/// drivers try again (<https://github.com/mongodb/specifications/blob/master/source/retryable-reads/retryable-reads.md>).
const PASSING: [i32; 13] = [
    6, 7, 89, 91, 134, 189, 262, 9_001, 10_107, 11_600, 11_602, 13_435, 13_436,
];

/// The database could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("database: {0}")]
pub struct StoreError(#[from] Error);

impl StoreError {
    /// Whether trying again later may help: the database is away, changing its primary, or busy.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match &*self.0.kind {
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Shutdown => true,
            ErrorKind::Command(error)
                if error.code == TOO_SLOW || PASSING.contains(&error.code) =>
            {
                true
            }
            _ => {
                self.0.contains_label(TRANSIENT_TRANSACTION_ERROR)
                    || self.0.contains_label("RetryableWriteError")
            }
        }
    }
}

/// Whether a unique value is taken. Inserts report it as a failed write; find-and-modify, and anything inside a
/// transaction, as a failed command.
#[must_use]
pub fn is_duplicate_key(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
        _ => false,
    }
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
