//! The link that signs in whoever can read an address's mail, once and for a short time.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{Email, Timestamp};
use sha2::{Digest, Sha256};

/// The secret part of a magic link: 256 random bits, base64url in text. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct MagicLinkToken([u8; Self::BYTES]);

/// The text cannot be a token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("This link is invalid or has expired")]
pub struct InvalidToken;

/// The SHA-256 of a token: enough to recognise the token, not enough to make it.
///
/// A plain digest will do, since nobody guesses 256 random bits, however fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

/// What is kept of a magic link.
#[derive(Debug, Clone)]
pub struct MagicLink {
    /// Recognises its token.
    pub digest: TokenDigest,
    /// The address that it was sent to.
    pub email: Email,
    /// From when on it does not work.
    pub expires_at: Timestamp,
}

impl MagicLinkToken {
    const BYTES: usize = 32;

    /// A fresh token, from a generator made for cryptography.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// The token as the link has it.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0).into())
    }
}

impl FromStr for MagicLinkToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidToken)?;
        bytes.try_into().map(Self).map_err(|_| InvalidToken)
    }
}

impl fmt::Debug for MagicLinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MagicLinkToken(…)")
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
