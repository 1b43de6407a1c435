//! The stand-in, called through async-stripe: its types reject answers that do not have Stripe's shape.

mod api_keys;
mod card_form;
mod disputes;
mod faults;
mod idempotency;
mod ledger;
mod payments;
mod process;
mod refunds;
mod stand_in;
mod tokens;
mod webhooks;
