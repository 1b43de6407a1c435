//! Requests for pages and their responses.

mod respond;
mod visit;

pub(crate) use crate::view::{Page, Visitor};
pub(crate) use visit::{Visit, redirect, sign_in_url};
