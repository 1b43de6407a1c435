//! Accounts and magic links in MongoDB.

mod magic_links;
mod users;

pub(crate) use magic_links::MagicLinkStore;
pub(crate) use users::{InsertError, UserStore};
