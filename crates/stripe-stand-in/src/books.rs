//! All objects of the stand-in. One lock guards them, so every request is atomic.

mod charge;
mod collection;
mod dispute;
mod intent;
mod ledger;
mod refund;
mod token;

use rand::distr::{Alphanumeric, SampleString};
use serde_json::{Value, json};

use crate::cards::Card;
use crate::clock::now;
use crate::event::{Cause, Event};
use crate::webhooks::WebhookSender;

pub(crate) use charge::Charge;
use collection::Item;
pub(crate) use collection::{Collection, Page};
pub(crate) use dispute::{Dispute, DisputeStatus};
pub(crate) use intent::{AllowedMethods, Canceled, Intent, NewIntent, Status};
pub use ledger::{DeclinedAttempt, Ledger, LedgerCharge, LedgerStatus, LedgerTotals};
pub(crate) use refund::Refund;
pub(crate) use token::{PaymentMethod, Token};

/// All objects, each kind in the order of creation.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) intents: Collection<Intent>,
    pub(crate) charges: Collection<Charge>,
    pub(crate) refunds: Collection<Refund>,
    pub(crate) disputes: Collection<Dispute>,
    pub(crate) tokens: Collection<Token>,
    pub(crate) methods: Collection<PaymentMethod>,
    pub(crate) events: Collection<Event>,
    webhooks: WebhookSender,
}

macro_rules! items {
    ($($type:ty: $name:literal),+) => {$(
        impl Item for $type {
            const NAME: &'static str = $name;

            fn id(&self) -> &str {
                &self.id
            }

            fn created(&self) -> i64 {
                self.created
            }
        }
    )+};
}

items! {
    Intent: "payment_intent",
    Charge: "charge",
    Refund: "refund",
    Dispute: "dispute",
    Token: "token",
    PaymentMethod: "payment_method",
    Event: "event"
}

impl Books {
    /// No objects yet. Events go to `webhooks`.
    pub(crate) fn new(webhooks: WebhookSender) -> Self {
        Self {
            intents: Collection::default(),
            charges: Collection::default(),
            refunds: Collection::default(),
            disputes: Collection::default(),
            tokens: Collection::default(),
            methods: Collection::default(),
            events: Collection::default(),
            webhooks,
        }
    }

    /// Adds a card as a payment method and returns its id.
    pub(crate) fn add_method(&mut self, card: Card) -> String {
        let id = new_id("pm");
        self.methods.insert(PaymentMethod {
            id: id.clone(),
            card,
            created: now(),
        });
        id
    }

    /// Records an event about an object and sends it to the webhook.
    pub(crate) fn emit(&mut self, kind: &'static str, object: &Value, cause: &Cause) {
        self.emit_data(kind, json!({ "object": object }), cause);
    }

    /// As [`Books::emit`], with the changed attributes' previous values.
    pub(crate) fn emit_change(
        &mut self,
        kind: &'static str,
        object: &Value,
        before: &Value,
        cause: &Cause,
    ) {
        let data = json!({ "object": object, "previous_attributes": before });
        self.emit_data(kind, data, cause);
    }

    fn emit_data(&mut self, kind: &'static str, data: Value, cause: &Cause) {
        let event = Event {
            id: new_id("evt"),
            kind,
            data,
            cause: cause.clone(),
            created: now(),
            pending: self.webhooks.has_target(),
        };
        if event.pending {
            self.webhooks.send(event.clone());
        }
        self.events.insert(event);
    }
}

/// An id in Stripe's shape: `pi_` and 24 letters and digits.
pub(crate) fn new_id(prefix: &str) -> String {
    let random = Alphanumeric.sample_string(&mut rand::rng(), 24);
    format!("{prefix}_{random}")
}
