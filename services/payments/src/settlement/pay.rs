//! A buyer's request to pay: begins an attempt, or waits for the pending one.

use std::sync::Arc;
use std::time::Duration;

use base::backoff::Backoff;
use common::Id;
use common::id::kind;
use messaging::WriteError;
use mongo::{StoreError, new_id};
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::Settlement;
use crate::domain::{CardToken, Order, Outcome, PayRefusal, Payment, RetryRefusal, Status};

/// How long a request waits for the attempt of another. With a call to Stripe afterwards it stays below the timeout of
/// requests.
const WAIT: Duration = Duration::from_secs(8);

/// Why a request to pay failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayFailure {
    /// The order cannot be paid, or not with this card.
    #[error(transparent)]
    Refused(#[from] PayRefusal),
    /// Too many buyers are paying.
    #[error("too many payments are in progress")]
    Busy,
    /// It is not known yet whether the card was charged.
    #[error("Stripe's answer is not known yet")]
    Unclear,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task panicked.
    #[error(transparent)]
    Panicked(#[from] tokio::task::JoinError),
}

/// A pending attempt of another request.
#[derive(Debug, Clone, Copy)]
struct Awaited {
    attempt: u32,
    /// Whether it uses the same card, so that its decline answers this request, too.
    same_card: bool,
}

/// The next step of a request to pay.
enum Step {
    /// The request's own attempt was written, and is to be sent to Stripe.
    Begun(Payment),
    /// Another writer was faster; read the payment again.
    Raced,
    Await(Awaited),
    Paid(Id<kind::Payment>),
}

impl Settlement {
    /// Pays the order with this card. Concurrent and repeated requests charge it once.
    ///
    /// It runs on a separate task, so it continues if the client disconnects. Otherwise the sweep would have to find
    /// out later how the charge ended.
    pub(crate) async fn pay(
        &self,
        order: Id<kind::Order>,
        card: CardToken,
    ) -> Result<Id<kind::Payment>, PayFailure> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let permit = permit.map_err(|_| PayFailure::Busy)?;
        let settlement = self.clone();
        let span = self.span_of(order).await;
        let paying = async move {
            let paid = settlement.pay_within_deadline(order, card).await;
            drop(permit);
            paid
        };
        self.tasks.spawn(paying.instrument(span)).await?
    }

    async fn pay_within_deadline(
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
                // The faster write may not have reached a majority of the database's members yet.
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
        // The route found the order, and replicas are never deleted.
        let order = self.orders.find(order).await?.ok_or(PayFailure::Unclear)?;
        let payment = self.payments.find(order.id()).await?;
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
                Some(Outcome::Succeeded) => return Ok(Step::Paid(payment.id())),
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

    /// Writes the new attempt of `payment`, which follows the state `before`, if the order can be paid.
    async fn begin(
        &self,
        order: &Order,
        before: Option<&Payment>,
        payment: Payment,
    ) -> Result<Step, PayFailure> {
        order.check_chargeable(self.clock.now())?;
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

    /// The answer to the buyer about an attempt, or about the one that replaced it.
    async fn conclude(
        &self,
        payment: &Payment,
        attempt: u32,
    ) -> Result<Id<kind::Payment>, PayFailure> {
        match (payment.status(), payment.outcome_since(attempt)) {
            (Status::Succeeded(_), _) => Ok(payment.id()),
            (Status::RefundDue(_) | Status::Refunded { .. }, _) => {
                Err(PayRefusal::Cancelled.into())
            }
            (Status::Open, Some(Outcome::Declined(decline))) => {
                Err(PayRefusal::from(decline.clone()).into())
            }
            (Status::Open, Some(_)) => Err(PayFailure::Unclear),
            // Withdrawn: the order can no longer be paid, or Stripe fails and the buyer can try again.
            (Status::Open, None) => {
                let order = self.orders.find(payment.order_id()).await?;
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
