//! The HTTP side that all services share: errors, extractors, pages of lists, and the middleware stack.

mod error;
mod extract;
mod page;
mod stack;

pub use error::{ApiError, Retry};
pub use extract::{Authorized, PathId, Valid};
pub use page::{Page, PageRequest};
pub use stack::{BODY_LIMIT, REQUEST_TIMEOUT, stack};
