//! Events between services, by five rules.
//!
//! 1. A state change and its event are one document write ([`OutboxCollection`]); a [`Relay`] publishes what waits.
//! 2. A replica is updated only by a newer event; that guard is the store's, and this module never relies on order.
//! 3. A message is acknowledged after its effect is durable; a handler says [`Failure::Retry`] or
//!    [`Failure::Fatal`], and what cannot be handled ends in the dead-letter stream with its reason.
//! 4. What must be unique is unique in the database, so that a second delivery finds it done.
//! 5. The broker's data is disposable: [`resync`] re-emits the state of everything a service owns, by hand or
//!    because the stream is not the one that was there before.
//!
//! What only shows events to those who look, and has no effect, reads them from a [`feed`] instead.

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
pub use consumer::{Consumer, Failure, Handler, Persistence};
pub use dead_letter::{DeadLetter, DeadLetters};
pub use metrics::catalogue::METRICS;
pub use outbox::{OutboxCollection, Pending, WriteError};
pub use permissions::Permissions;
pub use position::Position;
pub use relay::{Outbox, Relay};
