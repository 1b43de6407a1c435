//! The data of the simulated Stripe.

use std::collections::BTreeMap;

use common::Id;
use common::id::kind;
use payments::domain::{Charge, Decline, Standing};
use payments::stripe::Spending;
use tokio::sync::mpsc::UnboundedSender;

use super::{SimulatedCharge, SimulatedWebhook};

/// The least that can be charged, in cents.
const SMALLEST: i64 = 50;

pub(super) struct Books {
    pub(super) keys: BTreeMap<String, Used>,
    pub(super) charges: Vec<SimulatedCharge>,
    pub(super) published: UnboundedSender<SimulatedWebhook>,
    /// How many requests are in flight whose senders gave them up.
    pub(super) late: usize,
}

/// What an idempotency key was first used for, and what was answered.
#[derive(Debug, Clone)]
pub(super) struct Used {
    purpose: Purpose,
    answer: Answer,
}

/// The purpose of a request. Requests of different purposes have different parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Charge,
    /// An intent without a card.
    Nothing(Spending),
    Refund,
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Charged(Result<Charge, Decline>),
    Spent,
    Refunded(String),
    /// The parameters are invalid, for this reason. Stripe does not store this answer.
    Refused(&'static str),
    /// The charge is disputed. Stripe stores this answer.
    Disputed,
    /// 500.
    Broken,
    /// The key was used for another request.
    KeyTaken,
}

pub(super) struct Wish {
    pub(super) key: String,
    pub(super) order: Id<kind::Order>,
    pub(super) attempt: u32,
    pub(super) cents: i64,
    pub(super) declined: bool,
}

impl Books {
    /// The stored answer of the key or, if there is none, the answer of `work`.
    fn used(
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

    pub(super) fn charge(&mut self, wish: &Wish) -> Answer {
        self.used(&wish.key, Purpose::Charge, |books| {
            if wish.cents < SMALLEST {
                return Answer::Refused("amount_too_small");
            }
            if wish.declined {
                return Answer::Charged(Err(Decline::new("generic_decline")));
            }
            let number = books.charges.len() + 1;
            let charge = SimulatedCharge {
                order: wish.order,
                attempt: wish.attempt,
                cents: wish.cents,
                refunded: 0,
                lost: 0,
                dispute: None,
                names: Charge {
                    intent: format!("pi_{number}"),
                    id: format!("ch_{number}"),
                },
                by_us: false,
            };
            books.charges.push(charge.clone());
            let names = charge.names.clone();
            books.send(SimulatedWebhook::Charged(charge));
            Answer::Charged(Ok(names))
        })
    }

    /// Makes an intent without a card.
    pub(super) fn spend(&mut self, key: &str, purpose: Purpose, cents: i64) -> Answer {
        self.used(key, purpose, |_| {
            if cents < SMALLEST {
                Answer::Refused("amount_too_small")
            } else {
                Answer::Spent
            }
        })
    }

    /// Refunds what is left.
    pub(super) fn give_back(&mut self, key: &str, charge: &Charge) -> Answer {
        self.used(key, Purpose::Refund, |books| {
            let charged = (books.charges.iter_mut())
                .find(|charged| charged.names == *charge)
                .expect("only charges are refunded");
            if charged.dispute == Some(Standing::Open) {
                return Answer::Disputed;
            }
            // Stripe would refuse a second refund. The fleet must not ask for one, so here the books show it.
            let cents = if charged.by_us {
                charged.cents
            } else {
                charged.kept()
            };
            charged.by_us = true;
            charged.refunded += cents;
            let (id, intent) = (format!("re_{}", charge.id), charge.intent.clone());
            books.send(SimulatedWebhook::Reversed(intent));
            Answer::Refunded(id)
        })
    }

    /// Changes the charge of an intent, and sends a webhook if `apply` returns true.
    pub(super) fn reverse(
        &mut self,
        intent: &str,
        apply: impl FnOnce(&mut SimulatedCharge) -> bool,
    ) {
        let mut charges = self.charges.iter_mut();
        let charge = charges.find(|charge| charge.names.intent == intent);
        if charge.is_some_and(apply) {
            self.send(SimulatedWebhook::Reversed(intent.to_owned()));
        }
    }

    fn send(&self, webhook: SimulatedWebhook) {
        // The receiver is dropped at the end of the schedule.
        let _ = self.published.send(webhook);
    }
}
