//! The API client. It calls the API on behalf of a shopper, with their cookie, network address and request id.

mod attempt;
mod call;
mod exchange;
mod failure;
mod form_token;
mod origin;
mod trace;

pub(crate) use attempt::Attempt;
pub(crate) use call::{Api, ApiClient};
pub(crate) use exchange::Answer;
pub(crate) use failure::Failure;
pub(crate) use form_token::FormToken;
pub(crate) use origin::ApiOrigin;
