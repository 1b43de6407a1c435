//! HTTP for all services: connections, admission, the middleware stack, idempotency keys, errors, extractors, pages of
//! lists, and event streams.

mod admission;
mod connections;
mod encoded;
mod error;
mod event_stream;
mod extract;
mod idempotency;
pub mod metrics;
mod normalize;
mod observe;
pub mod openapi;
mod page;
pub mod replica_waits;
pub mod response_cache;
pub mod session;
mod stack;
mod throttled_log;

pub use admission::Admission;
pub use connections::Connections;
pub use encoded::Encoded;
pub use error::{ApiError, Retry};
pub use event_stream::{EventStreams, LAST_EVENT_ID, LastEventId};
pub use extract::{Authorized, PathId, Valid, ValidQuery};
pub use idempotency::{Callers, IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, Idempotency, NewId};
pub(crate) use idempotency::{KEY_NAME, LONGEST_KEY};
pub use metrics::METRICS;
pub use normalize::remove_trailing_slash;
pub use page::{Page, PageRequest, invalid_after};
pub(crate) use stack::FROM_ANOTHER_SITE;
pub use stack::{BODY_LIMIT, REQUEST_ID, contract_shape, site_stack, stack, stack_with};
pub use throttled_log::ThrottledLog;
