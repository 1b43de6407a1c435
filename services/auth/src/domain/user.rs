//! The account.

use std::fmt;

use common::id::kind;
use common::{Email, Id, Timestamp};

/// An account. Its address never changes.
#[derive(Debug, Clone)]
pub struct User {
    /// Its id.
    pub id: Id<kind::User>,
    /// The address under which it is known; no other account has it.
    pub email: Email,
    /// What its password is checked against; `None` if it was made by a magic link.
    pub password: Option<PasswordHash>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A password's hash with its salt and parameters, in PHC string format
/// (<https://github.com/P-H-C/phc-string-format>). It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Another account has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Email in use")]
pub struct EmailInUse;

/// There is no such account, or it has another password, or none: which of these is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid credentials")]
pub struct InvalidCredentials;

impl PasswordHash {
    /// The hash that this PHC string describes.
    #[must_use]
    pub const fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The PHC string, for checking and storing.
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
