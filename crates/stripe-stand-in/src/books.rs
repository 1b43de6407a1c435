//! Everything the stand-in remembers. One lock guards all of it, so that each request sees and leaves a whole state.

mod charge;
mod dispute;
mod event;
mod intent;
mod ledger;
mod refund;
mod shelf;
mod token;

use rand::distr::{Alphanumeric, SampleString};
use time::OffsetDateTime;

use crate::cards::Card;
use crate::webhooks::Courier;

pub(crate) use charge::Charge;
pub(crate) use dispute::{Dispute, DisputeStatus};
pub(crate) use event::{Cause, Event};
pub(crate) use intent::{Confirmation, Intent, Means, NewIntent, Status};
pub use ledger::{DeclinedAttempt, Ledger, LedgerCharge, LedgerStatus, LedgerTotals};
pub(crate) use refund::{NewRefund, Refund};
pub(crate) use shelf::{Page, Shelf};
pub(crate) use token::{PaymentMethod, Token};

/// All objects, each kind in the order of creation.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) intents: Shelf<Intent>,
    pub(crate) charges: Shelf<Charge>,
    pub(crate) refunds: Shelf<Refund>,
    pub(crate) disputes: Shelf<Dispute>,
    pub(crate) tokens: Shelf<Token>,
    pub(crate) methods: Shelf<PaymentMethod>,
    pub(crate) events: Shelf<Event>,
    courier: Courier,
}

impl Books {
    /// Empty books, whose events go to the courier.
    pub(crate) fn new(courier: Courier) -> Self {
        Self {
            intents: Shelf::default(),
            charges: Shelf::default(),
            refunds: Shelf::default(),
            disputes: Shelf::default(),
            tokens: Shelf::default(),
            methods: Shelf::default(),
            events: Shelf::default(),
            courier,
        }
    }

    /// Keeps a card as a payment method; its id.
    pub(crate) fn keep_method(&mut self, card: Card) -> String {
        let id = new_id("pm");
        self.methods.put(PaymentMethod {
            id: id.clone(),
            card,
            created: now(),
        });
        id
    }
}

/// A day's month and year.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Today {
    pub(crate) month: i64,
    pub(crate) year: i64,
}

/// The month that it is, in UTC.
pub(crate) fn today() -> Today {
    let now = OffsetDateTime::now_utc();
    Today {
        month: u8::from(now.month()).into(),
        year: now.year().into(),
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// An id as Stripe makes them: `pi_` and 24 letters and digits.
pub(crate) fn new_id(prefix: &str) -> String {
    let random = Alphanumeric.sample_string(&mut rand::rng(), 24);
    format!("{prefix}_{random}")
}
