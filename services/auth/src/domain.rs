//! What an account is, and what a link that signs in is.

mod magic_link;
mod user;

pub use magic_link::{InvalidToken, MagicLink, MagicLinkToken, TokenDigest};
pub use user::{EmailInUse, InvalidCredentials, PasswordHash, User};
