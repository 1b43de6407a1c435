//! The payment of an order: its attempts, of which at most one succeeds, and the return of the money.
//!
//! Transitions return the next state, whose version is one higher, or `None` if they do not apply.

use common::events::PaymentState;
use common::id::kind;
use common::{Event, Id, Price};

use super::attempt::{Attempt, CardToken, Outcome};
use super::decline::Decline;
use super::order::Order;
use super::refusal::RetryRefusal;
use super::reversal::{Dispute, Reversals};
use super::status::{Charge, Status};

/// The number of tries without a clear answer from Stripe after which a payment counts as stuck: an outage is then no
/// longer the likely cause, and an alert asks a person to look at it.
pub(crate) const STUCK_AFTER: u64 = 100;

/// How often in a row an attempt that failed at Stripe is replaced by a new one before the buyer has to decide.
const RENEWALS: usize = 3;

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment(PaymentRecord);

/// Everything that the database stores about a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaymentRecord {
    pub(crate) id: Id<kind::Payment>,
    pub(crate) order_id: Id<kind::Order>,
    pub(crate) price: Price,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) status: Status,
    pub(crate) returned_cents: i64,
    pub(crate) dispute: Option<Dispute>,
    pub(crate) version: u64,
    pub(crate) tries: u64,
}

impl Payment {
    /// The payment of this order, its first attempt pending.
    #[must_use]
    pub fn begin(id: Id<kind::Payment>, order: &Order, card: CardToken) -> Self {
        Self(PaymentRecord {
            id,
            order_id: order.id(),
            price: order.price(),
            attempts: vec![Attempt::pending(1, card)],
            status: Status::Open,
            returned_cents: 0,
            dispute: None,
            version: 0,
            tries: 0,
        })
    }

    /// The payment as it was stored.
    pub(crate) const fn restore(stored: PaymentRecord) -> Self {
        Self(stored)
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> Id<kind::Payment> {
        self.0.id
    }

    /// The order that it pays. Each order has one payment.
    #[must_use]
    pub const fn order_id(&self) -> Id<kind::Order> {
        self.0.order_id
    }

    /// The amount to charge.
    #[must_use]
    pub const fn price(&self) -> Price {
        self.0.price
    }

    /// All attempts in order. Only the last can be pending.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Where the money is.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.0.status
    }

    /// The cents that were returned, by refunds and lost disputes.
    #[must_use]
    pub const fn returned_cents(&self) -> i64 {
        self.0.returned_cents
    }

    /// The newest dispute.
    #[must_use]
    pub const fn dispute(&self) -> Option<&Dispute> {
        self.0.dispute.as_ref()
    }

    /// The version, which every change increases by one.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.0.version
    }

    /// How often Stripe gave no clear answer since the last change.
    #[must_use]
    pub const fn tries(&self) -> u64 {
        self.0.tries
    }

    /// The pending attempt's number and card.
    #[must_use]
    pub fn pending(&self) -> Option<(u32, &CardToken)> {
        match (&self.0.status, self.0.attempts.last()?) {
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

    /// How the attempt ended, if there is one with this number.
    #[must_use]
    pub fn outcome(&self, number: u32) -> Option<&Outcome> {
        let attempt = self.0.attempts.iter().find(|made| made.number == number)?;
        Some(&attempt.outcome)
    }

    /// How this attempt ended, or the one that replaced it; `None` if all of them were withdrawn.
    #[must_use]
    pub fn outcome_since(&self, number: u32) -> Option<&Outcome> {
        let mut outcomes = self.0.attempts.iter().filter(|made| made.number >= number);
        let attempt = outcomes.find(|made| made.outcome != Outcome::Withdrawn)?;
        Some(&attempt.outcome)
    }

    /// What was charged, if anything was.
    #[must_use]
    pub const fn charge(&self) -> Option<&Charge> {
        match &self.0.status {
            Status::Open => None,
            Status::Succeeded(charge)
            | Status::RefundDue(charge)
            | Status::Refunded { charge, .. } => Some(charge),
        }
    }

    /// Whether work is left: to find out a result, to read the order after a success, or to make a refund.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        match self.0.status {
            Status::Open => self.pending().is_some(),
            Status::Succeeded(_) | Status::RefundDue(_) => true,
            Status::Refunded { .. } => false,
        }
    }

    /// Adds another attempt.
    pub fn retry(&self, card: CardToken) -> Result<Self, RetryRefusal> {
        match self.0.status {
            Status::Open if self.pending().is_some() => Err(RetryRefusal::Pending),
            Status::Open => {
                let number = self.0.attempts.last().map_or(1, |last| last.number + 1);
                let mut next = self.next(Status::Open);
                next.0.attempts.push(Attempt::pending(number, card));
                Ok(next)
            }
            Status::Succeeded(_) => Err(RetryRefusal::Paid),
            Status::RefundDue(_) | Status::Refunded { .. } => Err(RetryRefusal::Refunded),
        }
    }

    /// Records that Stripe charged the card of this attempt; `None` if an attempt has succeeded already.
    ///
    /// It applies whatever was recorded about the attempt before: a charge that Stripe made must be recorded or
    /// refunded.
    #[must_use]
    pub fn succeed(&self, number: u32, charge: Charge) -> Option<Self> {
        matches!(self.0.status, Status::Open)
            .then(|| self.ended(number, Outcome::Succeeded, Status::Succeeded(charge)))
    }

    /// Records that Stripe declined this attempt; `None` if it is not pending.
    #[must_use]
    pub fn decline(&self, number: u32, decline: Decline) -> Option<Self> {
        self.is_pending(number)
            .then(|| self.ended(number, Outcome::Declined(decline), Status::Open))
    }

    /// Records that this attempt was withdrawn from Stripe; `None` if it is not pending.
    #[must_use]
    pub fn withdraw(&self, number: u32) -> Option<Self> {
        self.is_pending(number)
            .then(|| self.ended(number, Outcome::Withdrawn, Status::Open))
    }

    /// As [`Payment::withdraw`], while the order can still be paid: another attempt tries the same card.
    ///
    /// After a few renewals in a row the buyer has to try again, so a Stripe that fails every request does not cause
    /// attempts without end.
    #[must_use]
    pub fn renew(&self, number: u32) -> Option<Self> {
        let card = self.pending().map(|(_, card)| card.clone())?;
        let mut next = self.withdraw(number)?;
        let withdrawn = next.0.attempts.iter().rev();
        let withdrawn = withdrawn.take_while(|made| made.outcome == Outcome::Withdrawn);
        if withdrawn.count() <= RENEWALS {
            next.0.attempts.push(Attempt::pending(number + 1, card));
        }
        Some(next)
    }

    /// Makes a refund due because the order was cancelled; `None` unless there is a charge and no refund is due yet.
    #[must_use]
    pub fn owe_refund(&self) -> Option<Self> {
        match &self.0.status {
            Status::Succeeded(charge) => Some(self.next(Status::RefundDue(charge.clone()))),
            _ => None,
        }
    }

    /// Records the refund; `None` unless one was due.
    #[must_use]
    pub fn refund(&self, refund: &str) -> Option<Self> {
        match &self.0.status {
            Status::RefundDue(charge) => Some(self.returned(charge, refund.to_owned())),
            _ => None,
        }
    }

    /// Records what Stripe returned of this charge; `None` if that is known.
    ///
    /// Money returned in full ends the payment, and then its order, as a refund of ours does. A part is a gesture of
    /// goodwill: it is recorded and leaves the order alone. A payment that was returned in full stays so; a refund that
    /// fails afterwards is for a person to look at.
    #[must_use]
    pub fn reversed(&self, charge: &Charge, reversals: &Reversals) -> Option<Self> {
        let is_ours = self.charge() == Some(charge);
        if !is_ours || matches!(self.0.status, Status::Refunded { .. }) {
            return None;
        }
        // A bank may take more than was left. That loss does not belong to this sale.
        let cents = reversals.cents().min(self.0.price.cents());
        let mut next = if cents == self.0.price.cents() {
            self.returned(charge, reversals.cause())
        } else if cents != self.0.returned_cents || reversals.dispute != self.0.dispute {
            self.next(self.0.status.clone())
        } else {
            return None;
        };
        next.0.returned_cents = cents;
        next.0.dispute.clone_from(&reversals.dispute);
        Some(next)
    }

    /// The event that publishes its present state; `None` while nothing was charged.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        let payment = &self.0;
        let state = |refund_id| {
            self.charge().map(|charge| PaymentState {
                id: payment.id,
                version: payment.version,
                order_id: payment.order_id,
                charge_id: charge.id.clone(),
                price: payment.price,
                refund_id,
            })
        };
        match &payment.status {
            Status::Refunded { refund, .. } => {
                state(Some(refund.clone())).map(Event::PaymentRefunded)
            }
            _ => state(None).map(Event::PaymentCreated),
        }
    }

    /// The event to publish with the change from `before` to this state.
    #[must_use]
    pub fn event_since(&self, before: &Self) -> Option<Event> {
        match (&before.0.status, &self.0.status) {
            (Status::Open, Status::Succeeded(_)) | (_, Status::Refunded { .. }) => self.event(),
            _ => None,
        }
    }

    fn is_pending(&self, number: u32) -> bool {
        self.pending().is_some_and(|(pending, _)| pending == number)
    }

    fn ended(&self, number: u32, outcome: Outcome, status: Status) -> Self {
        let mut next = self.next(status);
        let mut attempts = next.0.attempts.iter_mut();
        if let Some(attempt) = attempts.find(|made| made.number == number) {
            attempt.outcome = outcome;
        }
        next
    }

    /// The payment after all of its money was returned.
    fn returned(&self, charge: &Charge, refund: String) -> Self {
        let mut next = self.next(Status::Refunded {
            charge: charge.clone(),
            refund,
        });
        next.0.returned_cents = self.0.price.cents();
        next
    }

    fn next(&self, status: Status) -> Self {
        Self(PaymentRecord {
            status,
            version: self.0.version + 1,
            tries: 0,
            ..self.0.clone()
        })
    }
}
