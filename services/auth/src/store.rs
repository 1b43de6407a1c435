//! The MongoDB collections of accounts and magic links.

mod magic_links;
mod users;

pub(crate) use magic_links::MagicLinkStore;
pub(crate) use users::{InsertError, UserStore};
