//! The contract of the platform: the types of its HTTP API and of its events.
//!
//! Subjects, events, ids, prices, times, requests, responses and the error format are defined here and nowhere else.
//! The crate has no runtime, database or network code, so the client links it too, compiled to WASM.
//!
//! Every value of a domain type ([`Id`], [`Price`], [`Email`], [`Title`], …) is valid. Addresses and titles from
//! requests are parsed by the current rules; those from storage, sessions and events are accepted if an earlier release
//! accepted them.

pub mod api;
pub mod email;
pub mod error;
pub mod events;
pub mod id;
pub mod lenient;
pub mod order_status;
mod parsed;
pub mod password;
pub mod price;
#[cfg(feature = "openapi")]
pub mod schema;
pub mod search_key;
pub mod timestamp;
pub mod title;

pub use email::Email;
pub use error::{ErrorBody, FieldError, Input};
pub use events::{CancellationReason, Event, Subject};
pub use id::Id;
pub use order_status::OrderStatus;
pub use password::NewPassword;
pub use price::Price;
pub use timestamp::Timestamp;
pub use title::Title;
