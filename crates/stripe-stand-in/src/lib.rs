//! A stand-in for the part of Stripe's API that the fleet uses, for development and tests only.
//!
//! It stores payment intents, charges, refunds, disputes, tokens and events in memory and answers in Stripe's shapes.
//! It implements idempotency keys, sends signed webhooks, serves the script of a card form, and publishes its ledger
//! for audits. Faults that a payment service must survive are injected on demand ([`Fault`]).
//!
//! It is as strict as the original: whatever it accepts, Stripe accepts. It refuses what it does not implement
//! (`parameter_unknown`), such as customers, later captures and payment methods other than cards.

// Stripe's objects have more fields than the default limit of `json!` allows.
#![recursion_limit = "256"]

mod books;
mod cards;
mod clock;
mod event;
mod faults;
mod form;
mod idempotency;
mod operations;
mod pipeline;
mod refusal;
mod routes;
mod server;
mod settings;
mod state;
mod webhooks;
mod wire;

pub use books::{DeclinedAttempt, Ledger, LedgerCharge, LedgerStatus, LedgerTotals};
pub use faults::{Fault, FaultKind};
pub use server::StripeStandIn;
pub use settings::{Settings, Webhook};
