//! The stand-in, driven by async-stripe: whatever its types refuse is not Stripe's shape.

mod api_keys;
mod card_form;
mod disputes;
mod faults;
mod idempotency;
mod ledger;
mod payments;
mod process;
mod refunds;
mod stand;
mod tokens;
mod webhooks;
