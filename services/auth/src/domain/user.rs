//! Accounts.

use std::fmt;

use common::id::kind;
use common::{Email, Id, Timestamp};

/// An account. Its address never changes.
#[derive(Debug, Clone)]
pub struct User {
    /// Its id.
    pub id: Id<kind::User>,
    /// Its email address, unique among all accounts.
    pub email: Email,
    /// `None` if the account was created by a magic link.
    pub password: Option<PasswordHash>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A password's hash with its salt and parameters, in PHC string format
/// (<https://github.com/P-H-C/phc-string-format>). `Debug` does not reveal it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Another account has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Email in use")]
pub struct EmailInUse;

/// The account is unknown, or the password is wrong, or the account has none. Callers must not learn which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid credentials")]
pub struct InvalidCredentials;

impl PasswordHash {
    /// Wraps a PHC string.
    #[must_use]
    pub const fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The PHC string, to verify against or to store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
