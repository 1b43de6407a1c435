//! A magic link signs in the reader of an email address, once and for a short time.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{Email, Timestamp};
use sha2::{Digest, Sha256};

/// The secret part of a magic link: 256 random bits, in base64url. `Debug` does not reveal it.
#[derive(Clone, PartialEq, Eq)]
pub struct MagicLinkToken([u8; Self::BYTES]);

/// The token is malformed, unknown, used or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("This link is invalid or has expired")]
pub struct InvalidToken;

/// The SHA-256 digest of a token, which is what the database stores.
///
/// A fast digest is enough: 256 random bits cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

/// A magic link as it is stored.
#[derive(Debug, Clone)]
pub struct MagicLink {
    /// The digest of its token.
    pub digest: TokenDigest,
    /// The address it was sent to.
    pub email: Email,
    /// The link is invalid from this time on.
    pub expires_at: Timestamp,
}

impl MagicLinkToken {
    const BYTES: usize = 32;

    /// Generates a token with a cryptographic random number generator.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// The token as text, for the link.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The digest to store or to look up.
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
