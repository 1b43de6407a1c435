//! The calls that another implementation must offer to replace Stripe, as the simulation does.
//!
//! Calls to Stripe itself do not go through this trait.

use std::fmt::Debug;

use futures::future::BoxFuture;

use super::charge::{ChargeRequest, EmptyIntent, Resolution};
use super::failure::Failed;
use super::reversal::ChargedAttempt;
use crate::domain::{Charge, Reversals};

/// A call and its result.
pub type Call<'a, T> = BoxFuture<'a, Result<T, Failed>>;

/// A replacement for Stripe.
pub trait RawStripe: Debug + Send + Sync {
    /// Charges the card, under the attempt's idempotency key.
    fn confirm<'a>(&'a self, request: &'a ChargeRequest<'a>) -> Call<'a, Resolution>;

    /// Creates an intent without a card, under the attempt's idempotency key.
    fn spend_key<'a>(&'a self, request: &'a ChargeRequest<'a>, intent: EmptyIntent)
    -> Call<'a, ()>;

    /// How the attempt ended, if it created an intent.
    fn look_up<'a>(&'a self, request: &'a ChargeRequest<'a>) -> Call<'a, Option<Resolution>>;

    /// Refunds what is left of a charge, under this idempotency key. Returns the refund's id.
    fn refund<'a>(&'a self, key: &'a str, charge: &'a Charge) -> Call<'a, String>;

    /// The attempt that succeeded with this payment intent.
    fn charged_attempt<'a>(&'a self, intent: &'a str) -> Call<'a, Option<ChargedAttempt>>;

    /// The refunds and disputes of a payment intent.
    fn reversals<'a>(&'a self, intent: &'a str) -> Call<'a, Reversals>;
}
