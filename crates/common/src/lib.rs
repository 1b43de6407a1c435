//! The contract of the fleet: what its services say to each other and to the world.
//!
//! Subjects, events, ids, money, times, request and response types and the error shape live here, and nowhere
//! else. The crate is pure: no runtime, no database, no network, so that a client compiled to WASM links it too.
//! A value of a domain type ([`Id`], [`Price`], [`Email`], [`Title`], …) is valid from the moment it exists. Addresses and
//! titles from requests are parsed by the present rules; those from storage, sessions and events are read by the rules of
//! the release that accepted them.

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
