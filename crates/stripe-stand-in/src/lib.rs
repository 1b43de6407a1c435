//! A stand-in for the part of Stripe's API that the fleet uses. Development and tests only.
//!
//! It owns, in memory, payment intents, charges, refunds, tokens and events; answers in Stripe's shapes; keeps
//! idempotency keys as Stripe does; sends signed webhooks; serves the script of a card form; and opens its ledger for
//! audits. Faults that a payment service must survive happen on demand ([`Fault`]).
//!
//! It is strict where the real one is: what it accepts, Stripe accepts. What it leaves out it refuses
//! (`parameter_unknown`) rather than ignores: customers, later captures, other means than cards.

// Stripe's objects have more fields than `json!` recurses by default.
#![recursion_limit = "256"]

mod books;
mod cards;
mod faults;
mod form;
mod idempotency;
mod pipeline;
mod refusal;
mod routes;
mod server;
mod settings;
mod webhooks;
mod wire;

pub use books::{DeclinedAttempt, Ledger, LedgerCharge, LedgerStatus, LedgerTotals};
pub use faults::{Fault, FaultKind};
pub use server::StripeStandIn;
pub use settings::{Settings, Webhook};
