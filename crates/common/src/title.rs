//! Titles of tickets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// A ticket's title: at most [`Title::MAX_CHARACTERS`], without surrounding space.
///
/// A title from a request ([`FromStr`]) is visible text in Unicode's normalization form C. Characters that control a
/// terminal or change the direction of later text are removed rather than refused, because they are invisible parts of
/// copied text. Titles that earlier releases stored or published are read (`Deserialize`) unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

/// Why a text is not a title. The messages are part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTitle {
    /// The text has no visible character.
    #[error("Title is required")]
    Blank,
    /// The text is longer than [`Title::MAX_CHARACTERS`].
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

    /// Checks the length.
    fn bounded(title: &str) -> Result<Self, InvalidTitle> {
        if title.is_empty() {
            Err(InvalidTitle::Blank)
        } else if title.chars().count() > Self::MAX_CHARACTERS {
            Err(InvalidTitle::TooLong)
        } else {
            Ok(Self(title.to_owned()))
        }
    }
}

impl FromStr for Title {
    type Err = InvalidTitle;

    fn from_str(text: &str) -> Result<Self, InvalidTitle> {
        let title: String = text.chars().filter_map(clean).nfc().collect();
        if title.chars().any(is_visible) {
            Self::bounded(title.trim())
        } else {
            Err(InvalidTitle::Blank)
        }
    }
}

/// Reads a title that an earlier release may have accepted.
impl TryFrom<String> for Title {
    type Error = InvalidTitle;

    fn try_from(text: String) -> Result<Self, InvalidTitle> {
        Self::bounded(text.trim())
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

/// The replacement of a character; `None` if it is removed.
///
/// Directional marks (U+200E, U+200F, U+061C) are kept: Hebrew and Arabic need them beside digits and punctuation, and
/// they reverse no letters. Joiners are kept too, since many emoji need them.
fn clean(c: char) -> Option<char> {
    match c {
        // Line breaks and tabs.
        '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        // Bidirectional embeddings, overrides and isolates; deprecated format controls; byte order marks; the
        // delimiters of interlinear annotations.
        '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' => None,
        control if control.is_control() => None,
        other => Some(other),
    }
}

fn is_visible(c: char) -> bool {
    // Unicode calls the Braille pattern without dots a symbol, but it looks like a space.
    !(c.is_whitespace() || c.is_control() || is_ignorable(c) || c == '\u{2800}')
}

/// Whether the character has Unicode's property `Default_Ignorable_Code_Point`, which makes it invisible where it is
/// not supported: joiners, directional marks, variation selectors, fillers, tags.
pub(crate) const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}
