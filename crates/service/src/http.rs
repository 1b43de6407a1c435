//! The HTTP side that all services share: errors, extractors, pages of lists, streams of events, and the middleware
//! stack.

mod error;
mod event_stream;
mod extract;
mod page;
mod stack;

pub use error::{ApiError, Retry};
pub use event_stream::{EventStreams, LastEventId};
pub use extract::{Authorized, PathId, Valid, ValidQuery};
pub use page::{Page, PageRequest, invalid_after};
pub use stack::{BODY_LIMIT, REQUEST_ID, REQUEST_TIMEOUT, around, stack};
