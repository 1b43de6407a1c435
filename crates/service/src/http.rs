//! The HTTP side that all services share: connections, admission, the middleware stack, errors, extractors, pages of
//! lists, and streams of events.

mod admission;
mod connections;
mod encoded;
mod error;
mod event_stream;
mod extract;
mod normalize;
mod observed;
mod occurrences;
mod page;
mod stack;

pub use admission::{Admission, Limits};
pub use connections::Connections;
pub use encoded::Encoded;
pub use error::{ApiError, Retry};
pub use event_stream::{EventStreams, LAST_EVENT_ID, LastEventId};
pub use extract::{Authorized, PathId, Valid, ValidQuery};
pub(crate) use normalize::remove_trailing_slash;
pub use occurrences::Occurrences;
pub use page::{Page, PageRequest, invalid_after};
pub(crate) use stack::FROM_ANOTHER_SITE;
pub use stack::{BODY_LIMIT, REQUEST_ID, around, contract_shape, stack, stack_within};
