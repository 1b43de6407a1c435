//! The rules for new passwords.

use std::fmt;

/// A password of 8 to 128 characters, chosen at sign-up. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

/// The password is too short or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Password must be between 8 and 128 characters")]
pub struct InvalidPassword;

impl NewPassword {
    /// The password in plain text, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NewPassword {
    type Error = InvalidPassword;

    fn try_from(text: String) -> Result<Self, InvalidPassword> {
        if (8..=128).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(InvalidPassword)
        }
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}
