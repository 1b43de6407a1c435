//! The state of the simulated Stripe.

use std::collections::BTreeMap;

use common::Id;
use common::id::kind;
use payments::domain::{Charge, DisputeState};
use payments::stripe::EmptyIntent;
use tokio::sync::mpsc::UnboundedSender;

use super::{SimulatedCharge, SimulatedWebhook};

/// The smallest amount that can be charged, in cents.
const MINIMUM: i64 = 50;

pub(super) struct Books {
    pub(super) keys: BTreeMap<String, Used>,
    pub(super) charges: Vec<SimulatedCharge>,
    pub(super) webhooks: UnboundedSender<SimulatedWebhook>,
    /// How many abandoned requests are still in transit.
    pub(super) late: usize,
}

/// The first use of an idempotency key and the answer to it.
#[derive(Debug, Clone)]
pub(super) struct Used {
    purpose: Purpose,
    answer: Answer,
}

/// The purpose of a request. Requests of different purposes have different parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Charge,
    EmptyIntent(EmptyIntent),
    Refund,
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Charged(Charge),
    /// Nothing was charged or refunded, for the reason with this code. This answer is stored.
    Declined(&'static str),
    Spent,
    Refunded(String),
    /// The parameters were refused, with this code. This answer is not stored.
    Refused(&'static str),
    /// 500.
    Broken,
    /// The key was used for another request.
    KeyTaken,
}

pub(super) struct NewCharge {
    pub(super) key: String,
    pub(super) order: Id<kind::Order>,
    pub(super) attempt: u32,
    pub(super) cents: i64,
    pub(super) declined: bool,
}

impl Books {
    /// The stored answer of the key; without one, the answer of `work`, which is stored.
    fn once(
        &mut self,
        key: &str,
        purpose: Purpose,
        work: impl FnOnce(&mut Self) -> Answer,
    ) -> Answer {
        if let Some(used) = self.keys.get(key) {
            return if used.purpose == purpose {
                used.answer.clone()
            } else {
                Answer::KeyTaken
            };
        }
        let answer = work(self);
        if !matches!(answer, Answer::Refused(_)) {
            self.store(key.to_owned(), purpose, answer.clone());
        }
        answer
    }

    fn store(&mut self, key: String, purpose: Purpose, answer: Answer) {
        self.keys.insert(key, Used { purpose, answer });
    }

    /// Answers with 500 and stores that, unless the key has an answer.
    pub(super) fn fail(
        &mut self,
        key: String,
        purpose: Purpose,
        is_done: bool,
        work: impl FnOnce(&mut Self) -> Answer,
    ) -> Answer {
        if self.keys.contains_key(&key) {
            return work(self);
        }
        if is_done && let Answer::Refused(code) = work(self) {
            return Answer::Refused(code);
        }
        self.store(key, purpose, Answer::Broken);
        Answer::Broken
    }

    pub(super) fn charge(&mut self, new: &NewCharge) -> Answer {
        self.once(&new.key, Purpose::Charge, |books| {
            if new.cents < MINIMUM {
                return Answer::Refused("amount_too_small");
            }
            if new.declined {
                return Answer::Declined("generic_decline");
            }
            let number = books.charges.len() + 1;
            let ids = Charge {
                intent: format!("pi_{number}"),
                id: format!("ch_{number}"),
            };
            let charge = SimulatedCharge {
                order: new.order,
                attempt: new.attempt,
                cents: new.cents,
                refunded: 0,
                lost: 0,
                dispute: None,
                ids: ids.clone(),
                refunded_by_us: false,
            };
            books.charges.push(charge.clone());
            books.send(SimulatedWebhook::Charged(charge));
            Answer::Charged(ids)
        })
    }

    /// Creates an intent without a card.
    pub(super) fn spend(&mut self, key: &str, purpose: Purpose, cents: i64) -> Answer {
        self.once(key, purpose, |_| {
            if cents < MINIMUM {
                Answer::Refused("amount_too_small")
            } else {
                Answer::Spent
            }
        })
    }

    /// Refunds what is left of a charge.
    pub(super) fn refund(&mut self, key: &str, charge: &Charge) -> Answer {
        self.once(key, Purpose::Refund, |books| {
            let charged = (books.charges.iter_mut())
                .find(|charged| charged.ids == *charge)
                .expect("only existing charges are refunded");
            if matches!(
                charged.dispute,
                Some(DisputeState::Open | DisputeState::Lost)
            ) {
                return Answer::Declined("charge_disputed");
            }
            // Stripe would refuse a second refund. Here it succeeds, so that the invariants detect a service that makes
            // one.
            let cents = if charged.refunded_by_us {
                charged.cents
            } else {
                charged.remaining()
            };
            charged.refunded_by_us = true;
            charged.refunded += cents;
            let (id, intent) = (format!("re_{}", charge.id), charge.intent.clone());
            books.send(SimulatedWebhook::Reversed(intent));
            Answer::Refunded(id)
        })
    }

    /// Applies a change to an intent's charge, and sends a webhook if it changed anything.
    pub(super) fn reverse(
        &mut self,
        intent: &str,
        apply: impl FnOnce(&mut SimulatedCharge) -> bool,
    ) {
        let mut charges = self.charges.iter_mut();
        let charge = charges.find(|charge| charge.ids.intent == intent);
        if charge.is_some_and(apply) {
            self.send(SimulatedWebhook::Reversed(intent.to_owned()));
        }
    }

    fn send(&self, webhook: SimulatedWebhook) {
        // The receiver is gone when the schedule is over.
        let _ = self.webhooks.send(webhook);
    }
}
