//! The payment: attempts one after the other, at most one success, and an end when all of its money went back.

use std::fmt;

use common::events::PaymentState;
use common::id::kind;
use common::{Event, Id, Price};

use super::{Decline, Dispute, Order};

/// How often in a row an attempt that Stripe failed is made again, under another number, before it is left to the buyer.
const RENEWALS: usize = 3;

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: Id<kind::Payment>,
    /// What it pays; there is one payment an order.
    pub order: Id<kind::Order>,
    /// What is charged.
    pub price: Price,
    /// Every card that was tried, in order; only the last can be pending.
    pub attempts: Vec<Attempt>,
    /// Where the money is.
    pub status: Status,
    /// Cents that went back: by refunds, and by disputes that were lost.
    pub given_back: i64,
    /// The newest dispute about it.
    pub dispute: Option<Dispute>,
    /// Grows by one with every change.
    pub version: u64,
    /// How often driving it on failed since its last change.
    pub tries: u64,
}

/// One card's try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from one; with the payment's id it names the charge to Stripe.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was sent to Stripe, or is about to be, and the answer is not known. The card's token is kept as long, so
    /// that the very same request can be sent again.
    Pending(CardToken),
    /// The card was not charged.
    Declined(Decline),
    /// It charged nothing and never will.
    Withdrawn,
    /// The card was charged.
    Succeeded,
}

/// Where the money is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// With the buyer, as far as we know.
    Open,
    /// With us.
    Succeeded(Charge),
    /// With us, and owed to the buyer because the order was cancelled.
    RefundDue(Charge),
    /// With the buyer again.
    Refunded {
        /// What was charged.
        charge: Charge,
        /// Stripe's id of the refund, or of the dispute that was lost.
        refund: String,
    },
}

/// Stripe's names for what it charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The payment intent's id.
    pub intent: String,
    /// The charge's id.
    pub id: String,
}

/// A card's token. It does not print: whoever has it can charge the card once.
#[derive(Clone, PartialEq, Eq)]
pub struct CardToken(pub String);

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardToken(…)")
    }
}

/// Why an order is not paid. The messages are part of the HTTP contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayRefusal {
    /// Somebody else ordered.
    #[error("Not authorized")]
    NotTheBuyer,
    /// The order was cancelled, or its time is over.
    #[error("Cannot pay for a cancelled order")]
    Cancelled,
    /// It was paid before.
    #[error("Order is already paid")]
    AlreadyPaid,
    /// The card was declined.
    #[error(transparent)]
    Declined(#[from] Decline),
}

/// Why no further attempt can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetryRefusal {
    /// One is pending.
    #[error("an attempt is pending")]
    Pending,
    /// One succeeded.
    #[error("an attempt succeeded")]
    Paid,
    /// One succeeded, and its money goes back because the order was cancelled.
    #[error("the payment is refunded")]
    Refunded,
}

impl Payment {
    /// The payment of this order, its first attempt pending.
    #[must_use]
    pub fn begin(id: Id<kind::Payment>, order: &Order, card: CardToken) -> Self {
        Self {
            id,
            order: order.id,
            price: order.price,
            attempts: vec![Attempt::pending(1, card)],
            status: Status::Open,
            given_back: 0,
            dispute: None,
            version: 0,
            tries: 0,
        }
    }

    /// The payment with another attempt pending.
    pub fn retry(&self, card: CardToken) -> Result<Self, RetryRefusal> {
        match self.status {
            Status::Open if self.pending().is_some() => Err(RetryRefusal::Pending),
            Status::Open => {
                let number = self.attempts.last().map_or(1, |last| last.number + 1);
                let mut next = self.changed(Status::Open);
                next.attempts.push(Attempt::pending(number, card));
                Ok(next)
            }
            Status::Succeeded(_) => Err(RetryRefusal::Paid),
            Status::RefundDue(_) | Status::Refunded { .. } => Err(RetryRefusal::Refunded),
        }
    }

    /// The attempt that is pending, with its card.
    #[must_use]
    pub fn pending(&self) -> Option<(u32, &CardToken)> {
        match (&self.status, self.attempts.last()?) {
            (
                Status::Open,
                Attempt {
                    number,
                    outcome: Outcome::Pending(card),
                },
            ) => Some((*number, card)),
            _ => None,
        }
    }

    /// How the attempt ended, if there was one of that number.
    #[must_use]
    pub fn outcome(&self, number: u32) -> Option<&Outcome> {
        let attempt = self.attempts.iter().find(|made| made.number == number)?;
        Some(&attempt.outcome)
    }

    /// The payment after Stripe charged the card of this attempt; `None` if it has succeeded already.
    ///
    /// Stripe's word stands whatever we thought of the attempt: what was charged is here or is given back.
    #[must_use]
    pub fn succeed(&self, number: u32, charge: Charge) -> Option<Self> {
        matches!(self.status, Status::Open)
            .then(|| self.ended(number, Outcome::Succeeded, Status::Succeeded(charge)))
    }

    /// The payment after Stripe declined this attempt; `None` if it is not pending.
    #[must_use]
    pub fn decline(&self, number: u32, decline: Decline) -> Option<Self> {
        self.is_pending(number)
            .then(|| self.ended(number, Outcome::Declined(decline), Status::Open))
    }

    /// The payment after this attempt was withdrawn from Stripe; `None` if it is not pending.
    #[must_use]
    pub fn withdraw(&self, number: u32) -> Option<Self> {
        self.is_pending(number)
            .then(|| self.ended(number, Outcome::Withdrawn, Status::Open))
    }

    /// The payment after this attempt was withdrawn while its order can still be paid; `None` if it is not pending.
    ///
    /// The same card is tried again, as another attempt. After a few of those it is left to the buyer, so that a Stripe
    /// that fails everything does not make attempts without end.
    #[must_use]
    pub fn renew(&self, number: u32) -> Option<Self> {
        let card = self.pending().map(|(_, card)| card.clone())?;
        let mut next = self.withdraw(number)?;
        let withdrawn = next.attempts.iter().rev();
        let withdrawn = withdrawn.take_while(|made| made.outcome == Outcome::Withdrawn);
        if withdrawn.count() <= RENEWALS {
            next.attempts.push(Attempt::pending(number + 1, card));
        }
        Some(next)
    }

    /// The payment after its order was cancelled; `None` unless there is money to give back that was not known to
    /// be owed.
    #[must_use]
    pub fn owe_refund(&self) -> Option<Self> {
        match &self.status {
            Status::Succeeded(charge) => Some(self.changed(Status::RefundDue(charge.clone()))),
            _ => None,
        }
    }

    /// The payment after its money was given back; `None` unless that was due.
    #[must_use]
    pub fn refund(&self, refund: &str) -> Option<Self> {
        match &self.status {
            Status::RefundDue(charge) => Some(Self {
                given_back: self.price.cents(),
                ..self.changed(Status::Refunded {
                    charge: charge.clone(),
                    refund: refund.to_owned(),
                })
            }),
            _ => None,
        }
    }

    /// Whether something is still to be done about it: an answer to be learned, the order to be looked at after a
    /// success, or money to be given back.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        match self.status {
            Status::Open => self.pending().is_some(),
            Status::Succeeded(_) | Status::RefundDue(_) => true,
            Status::Refunded { .. } => false,
        }
    }

    /// What was charged, if anything was.
    #[must_use]
    pub const fn charge(&self) -> Option<&Charge> {
        match &self.status {
            Status::Open => None,
            Status::Succeeded(charge)
            | Status::RefundDue(charge)
            | Status::Refunded { charge, .. } => Some(charge),
        }
    }

    /// The event that tells of its present state; `None` while there is nothing to tell.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        let state = |refund_id| {
            self.charge().map(|charge| PaymentState {
                id: self.id,
                version: self.version,
                order_id: self.order,
                charge_id: charge.id.clone(),
                price: self.price,
                refund_id,
            })
        };
        match &self.status {
            Status::Refunded { refund, .. } => {
                state(Some(refund.clone())).map(Event::PaymentRefunded)
            }
            _ => state(None).map(Event::PaymentCreated),
        }
    }

    /// What the world has to hear about the step from `before` to this.
    #[must_use]
    pub fn news_since(&self, before: &Self) -> Option<Event> {
        match (&before.status, &self.status) {
            (Status::Open, Status::Succeeded(_)) | (_, Status::Refunded { .. }) => self.event(),
            _ => None,
        }
    }

    fn is_pending(&self, number: u32) -> bool {
        self.pending().is_some_and(|(pending, _)| pending == number)
    }

    fn ended(&self, number: u32, outcome: Outcome, status: Status) -> Self {
        let mut next = self.changed(status);
        if let Some(attempt) = next.attempts.iter_mut().find(|made| made.number == number) {
            attempt.outcome = outcome;
        }
        next
    }

    pub(super) fn changed(&self, status: Status) -> Self {
        Self {
            status,
            version: self.version + 1,
            tries: 0,
            ..self.clone()
        }
    }
}

impl Attempt {
    const fn pending(number: u32, card: CardToken) -> Self {
        Self {
            number,
            outcome: Outcome::Pending(card),
        }
    }
}
