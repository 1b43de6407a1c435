//! Accounts and magic links.

mod magic_link;
mod user;

pub use magic_link::{InvalidToken, MagicLink, MagicLinkToken, TokenDigest};
pub use user::{EmailInUse, InvalidCredentials, PasswordHash, User};
