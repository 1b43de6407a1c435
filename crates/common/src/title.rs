//! What a ticket is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A ticket's title: not blank, at most [`Title::MAX_CHARACTERS`], without surrounding space.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

/// Why a text is no title. The messages are part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTitle {
    /// Nothing, or only space.
    #[error("Title is required")]
    Blank,
    /// More than [`Title::MAX_CHARACTERS`].
    #[error("Title must be at most 200 characters")]
    TooLong,
}

impl Title {
    /// The longest title, in characters.
    pub const MAX_CHARACTERS: usize = 200;

    /// The title as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Title {
    type Err = InvalidTitle;

    fn from_str(text: &str) -> Result<Self, InvalidTitle> {
        let title = text.trim();
        if title.is_empty() {
            Err(InvalidTitle::Blank)
        } else if title.chars().count() > Self::MAX_CHARACTERS {
            Err(InvalidTitle::TooLong)
        } else {
            Ok(Self(title.to_owned()))
        }
    }
}

impl TryFrom<String> for Title {
    type Error = InvalidTitle;

    fn try_from(text: String) -> Result<Self, InvalidTitle> {
        text.parse()
    }
}

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
