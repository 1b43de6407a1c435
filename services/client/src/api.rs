//! The API, as a shopper's browser would call it: with its cookie, its address and its request's id.

mod attempt;
mod call;
mod exchange;
mod failure;
mod once;
mod origin;
mod trace;

pub(crate) use attempt::Attempt;
pub(crate) use call::{Api, ApiClient};
pub(crate) use exchange::Answer;
pub(crate) use failure::Failure;
pub(crate) use once::{FIELD as ONCE, Once};
pub(crate) use origin::ApiOrigin;
