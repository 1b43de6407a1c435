//! Events between services, by five rules.
//!
//! 1. A state change and its event are one document write ([`OutboxCollection`]). A [`Relay`] publishes the events.
//! 2. Only a newer event updates a replica. The store checks that; this crate never relies on order.
//! 3. A message is acknowledged after its effect is durable. A handler fails with [`Failure::Retry`] or
//!    [`Failure::Fatal`]; an event that cannot be handled ends in the dead-letter stream with the reason.
//! 4. What must be unique is unique in the database, so a second delivery has no effect.
//! 5. The broker's data is disposable: [`resync`] re-emits the state of everything a service owns, on request or
//!    because the stream is new.
//!
//! Code that only displays events, without any effect, reads them from a [`feed`] instead.

mod broker;
mod changes;
mod consumer;
mod dead_letter;
pub mod feed;
mod metrics;
mod outbox;
mod permissions;
mod position;
mod relay;
pub mod resync;
mod trace;

pub use broker::{Broker, BrokerConfig, BrokerError, Credentials, Outgoing, Publisher};
pub use changes::{ChangeGuard, Changes};
pub use consumer::{Consumer, Failure, Handler, RetryPolicy};
pub use dead_letter::{DeadLetter, DeadLetters};
pub use metrics::catalogue::METRICS;
pub use outbox::{OutboxCollection, Pending, WriteError};
pub use permissions::Permissions;
pub use position::Position;
pub use relay::{Outbox, Relay};
