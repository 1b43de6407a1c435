//! A buyer's wish to pay: begins an attempt, or waits for the one that is pending.

use std::sync::Arc;
use std::time::Duration;

use base::backoff::Backoff;
use common::Id;
use common::OrderStatus;
use common::id::kind;
use messaging::WriteError;
use mongo::{StoreError, new_id};
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::Settlement;
use crate::domain::{CardToken, Order, Outcome, PayRefusal, Payment, RetryRefusal, Status};

/// How long a wish to pay waits for another one's attempt; with a call to Stripe after it, that is less than a
/// request may take.
const WAIT: Duration = Duration::from_secs(8);

/// Why an order was not paid now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayFailure {
    /// It cannot be, or not with this card.
    #[error(transparent)]
    Refused(#[from] PayRefusal),
    /// Too many are paying at this moment.
    #[error("too many payments are under way")]
    Busy,
    /// Whether it was is not known yet.
    #[error("Stripe's answer is not known yet")]
    Unclear,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task died.
    #[error(transparent)]
    Died(#[from] tokio::task::JoinError),
}

/// An attempt of somebody else's that a wish to pay waited for.
#[derive(Debug, Clone, Copy)]
struct Awaited {
    attempt: u32,
    /// Whether it was made with the same card, so that its decline is an answer to us too.
    same_card: bool,
}

/// What a wish to pay leads to.
enum Step {
    /// An attempt of its own, which is written down and now to be made.
    Begun(Payment),
    /// Somebody else was faster; look again.
    Raced,
    Await(Awaited),
    Paid(Id<kind::Payment>),
}

impl Settlement {
    /// Pays the order with this card, once however often and by however many it is asked.
    ///
    /// It goes on if the client hangs up: a charge cut short would only have to be found out about later.
    pub(crate) async fn pay(
        &self,
        order: Id<kind::Order>,
        card: CardToken,
    ) -> Result<Id<kind::Payment>, PayFailure> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| PayFailure::Busy)?;
        let settlement = self.clone();
        let span = self.span_of(order).await;
        let paying = async move {
            let paid = settlement.pay_patiently(order, card).await;
            drop(place);
            paid
        };
        self.under_way.spawn(paying.instrument(span)).await?
    }

    async fn pay_patiently(
        &self,
        order: Id<kind::Order>,
        card: CardToken,
    ) -> Result<Id<kind::Payment>, PayFailure> {
        let deadline = Instant::now() + WAIT;
        let mut pauses = Backoff::new(Duration::from_millis(20), Duration::from_millis(200));
        let mut awaited = None;
        loop {
            match self.next_step(order, &card, awaited).await? {
                Step::Paid(payment) => return Ok(payment),
                Step::Begun(payment) => {
                    let attempt = payment.pending().map_or(0, |(number, _)| number);
                    let driven = self.drive(payment).await?;
                    return self.conclude(&driven, attempt).await;
                }
                // What was faster may not have reached a majority of the database's members yet.
                Step::Raced => {}
                Step::Await(pending) => awaited = Some(pending),
            }
            if Instant::now() >= deadline || self.closing.is_cancelled() {
                return Err(PayFailure::Unclear);
            }
            sleep(pauses.next_delay()).await;
        }
    }

    async fn next_step(
        &self,
        order: Id<kind::Order>,
        card: &CardToken,
        awaited: Option<Awaited>,
    ) -> Result<Step, PayFailure> {
        // The route found the order, and orders are never forgotten.
        let order = self.orders.find(order).await?.ok_or(PayFailure::Unclear)?;
        let payment = self.payments.find(order.id).await?;
        if order.is_cancelled() {
            return Err(PayRefusal::Cancelled.into());
        }
        let Some(payment) = payment else {
            let first = Payment::begin(new_id(), &order, card.clone());
            return self.begin(&order, None, first).await;
        };
        if let Some(Awaited { attempt, same_card }) = awaited {
            match payment.outcome(attempt) {
                Some(Outcome::Declined(decline)) if same_card => {
                    return Err(PayRefusal::from(decline.clone()).into());
                }
                Some(Outcome::Succeeded) => return Ok(Step::Paid(payment.id)),
                _ => {}
            }
        }
        match (payment.retry(card.clone()), payment.pending()) {
            (Ok(next), _) => self.begin(&order, Some(&payment), next).await,
            (Err(RetryRefusal::Paid), _) => Err(PayRefusal::AlreadyPaid.into()),
            (Err(RetryRefusal::Refunded), _) => Err(PayRefusal::Cancelled.into()),
            (Err(RetryRefusal::Pending), pending) => Ok(Step::Await(Awaited {
                attempt: pending.map_or(0, |(number, _)| number),
                same_card: pending.is_some_and(|(_, pending)| pending == card),
            })),
        }
    }

    /// Writes the attempt down that follows `before`, if there may be one.
    async fn begin(
        &self,
        order: &Order,
        before: Option<&Payment>,
        payment: Payment,
    ) -> Result<Step, PayFailure> {
        if order.status == OrderStatus::Complete {
            return Err(PayRefusal::AlreadyPaid.into());
        }
        if !order.can_be_charged(self.clock.now()) {
            return Err(PayRefusal::Cancelled.into());
        }
        let written = match before {
            Some(before) => {
                self.payments
                    .replace(before, &payment, self.lease())
                    .await?
            }
            None => match self.payments.insert(&payment, self.lease()).await {
                Ok(()) => true,
                Err(WriteError::Duplicate) => false,
                Err(WriteError::Store(error)) => return Err(error.into()),
            },
        };
        Ok(if written {
            Step::Begun(payment)
        } else {
            Step::Raced
        })
    }

    /// What a buyer is told of an attempt, or of the one that took its place.
    async fn conclude(
        &self,
        payment: &Payment,
        attempt: u32,
    ) -> Result<Id<kind::Payment>, PayFailure> {
        let mut made = payment.attempts.iter();
        let made = made.find(|made| made.number >= attempt && made.outcome != Outcome::Withdrawn);
        match (&payment.status, made.map(|made| &made.outcome)) {
            (Status::Succeeded(_), _) => Ok(payment.id),
            (Status::RefundDue(_) | Status::Refunded { .. }, _) => {
                Err(PayRefusal::Cancelled.into())
            }
            (Status::Open, Some(Outcome::Declined(decline))) => {
                Err(PayRefusal::from(decline.clone()).into())
            }
            (Status::Open, Some(_)) => Err(PayFailure::Unclear),
            // Withdrawn: the order can no longer be paid, or Stripe fails and the buyer may try again.
            (Status::Open, None) => {
                let order = self.orders.find(payment.order).await?;
                let can_be_paid = order.is_some_and(|order| order.can_be_charged(self.clock.now()));
                Err(if can_be_paid {
                    PayFailure::Unclear
                } else {
                    PayRefusal::Cancelled.into()
                })
            }
        }
    }
}
