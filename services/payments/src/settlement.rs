//! Drives payments to their end: charges, looks at the order again, and refunds what came too late.
//!
//! Whatever is about to be done is in the database before Stripe is asked, with the time at which the sweep takes
//! over should this process die. Every step can be taken again, and by several processes at once: Stripe knows the
//! steps by their idempotency keys, and the database by the payment's version.
//!
//! Money follows the order. A success is written first and the order is looked at after; the consumer of
//! cancellations writes the order first and looks at the payment after. So one of the two sees the other, and what
//! was charged for a cancelled order is refunded. Nothing else is ever refunded: a charge that came after the
//! order's time waits for the orders service to complete or to cancel it.

mod pay;
mod sweep;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use common::id::kind;
use common::{Id, Timestamp};
use service::Clock;
use service::backoff::Backoff;
use service::mongo::{StoreError, until_written};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::domain::{CardToken, Charge, Payment, Status};
use crate::store::{OrderStore, PaymentStore};
use crate::stripe::{ChargeRequest, Charged, Stripe, Unclear, Withdrawal};

pub(crate) use pay::PayFailure;

/// For how long whoever writes a step has it to himself: longer than a call to Stripe takes.
const LEASE: Duration = Duration::from_secs(10);

/// The longest pause between tries while Stripe gives no clear answer: what an outage held up is settled seconds
/// after its end.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many buyers pay at once: fewer than the requests that the service works on at once, so that a slow Stripe does not
/// hold up its webhooks, and what has nothing to do with it.
const AT_ONCE: usize = 48;

/// After so many tries it is no outage but something for a person to look at, and pauses are longer.
const TRIES_OF_AN_OUTAGE: u64 = 100;
const LONGEST_PAUSE_AFTER: Duration = Duration::from_mins(5);

/// Everything that moves money.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    orders: OrderStore,
    payments: PaymentStore,
    stripe: Stripe,
    clock: Clock,
    /// Payments under way, each on a task of its own.
    under_way: TaskTracker,
    /// How many more buyers may pay at this moment.
    places: Arc<Semaphore>,
    closing: CancellationToken,
}

impl Settlement {
    /// Settlement of these payments; `closing` is the one that was given to `stripe`.
    pub(crate) fn new(
        orders: OrderStore,
        payments: PaymentStore,
        stripe: Stripe,
        clock: Clock,
        closing: CancellationToken,
    ) -> Self {
        Self {
            orders,
            payments,
            stripe,
            clock,
            under_way: TaskTracker::new(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            closing,
        }
    }

    /// Takes note that Stripe charged an attempt's card, and goes on from there.
    pub(crate) async fn paid(
        &self,
        order: Id<kind::Order>,
        attempt: u32,
        charge: Charge,
    ) -> Result<(), StoreError> {
        let span = self.span_of(order).await;
        self.succeed(order, attempt, charge)
            .instrument(span)
            .await?;
        Ok(())
    }

    /// Gives back what was charged for an order that is now known to be cancelled.
    pub(crate) async fn order_cancelled(&self, order: Id<kind::Order>) -> Result<(), StoreError> {
        if let Some(payment) = self.payments.find(order).await? {
            self.finish(payment).await?;
        }
        Ok(())
    }

    /// Takes the payment as far as it goes now; gives it as it is then.
    async fn drive(&self, payment: Payment) -> Result<Payment, StoreError> {
        let Some((attempt, card)) = payment.pending() else {
            return self.finish(payment).await;
        };
        let order = payment.order;
        match self.ask_stripe(&payment, attempt, card).await? {
            Ok(Withdrawal::TooLate(Charged::Paid(charge))) => {
                let paid = self.succeed(order, attempt, charge).await?;
                Ok(paid.unwrap_or(payment))
            }
            Ok(Withdrawal::TooLate(Charged::Declined(decline))) => {
                let declined = |payment: &Payment| payment.decline(attempt, decline.clone());
                Ok(self.change(order, declined).await?.unwrap_or(payment))
            }
            Ok(Withdrawal::Withdrawn) => {
                let withdrawn = |payment: &Payment| payment.withdraw(attempt);
                Ok(self.change(order, withdrawn).await?.unwrap_or(payment))
            }
            Err(unclear) => {
                self.postpone(&payment, &unclear).await?;
                // A webhook may have told meanwhile what the answer did not.
                Ok(self.payments.find(order).await?.unwrap_or(payment))
            }
        }
    }

    /// Charges the pending attempt, or withdraws it if nothing may be charged any more.
    async fn ask_stripe(
        &self,
        payment: &Payment,
        attempt: u32,
        card: &CardToken,
    ) -> Result<Result<Withdrawal, Unclear>, StoreError> {
        let request = ChargeRequest {
            order: payment.order,
            payment: payment.id,
            attempt,
            price: payment.price,
            card,
        };
        let order = self.orders.find(payment.order).await?;
        if order.is_some_and(|order| order.can_be_charged(self.clock.now())) {
            Ok(self.stripe.charge(&request).await.map(Withdrawal::TooLate))
        } else {
            Ok(self.stripe.withdraw(&request).await)
        }
    }

    async fn succeed(
        &self,
        order: Id<kind::Order>,
        attempt: u32,
        charge: Charge,
    ) -> Result<Option<Payment>, StoreError> {
        let succeeded = |payment: &Payment| payment.succeed(attempt, charge.clone());
        let Some(payment) = self.change(order, succeeded).await? else {
            self.payments.measured.anomaly("unknown_charge");
            tracing::error!(order.id = %order, stripe.intent = charge.intent, "a charge of no payment of ours");
            return Ok(None);
        };
        if payment.charge() != Some(&charge) {
            self.payments.measured.anomaly("charged_twice");
            tracing::error!(order.id = %order, payment.id = %payment.id, stripe.intent = charge.intent, "charged twice");
        }
        self.finish(payment).await.map(Some)
    }

    /// What follows a success: nothing more, or the refund if the order was cancelled.
    async fn finish(&self, payment: Payment) -> Result<Payment, StoreError> {
        match payment.status {
            Status::Open | Status::Refunded { .. } => Ok(payment),
            Status::RefundDue(_) => self.refund(payment).await,
            Status::Succeeded(_) => {
                let order = self.orders.find(payment.order).await?;
                if order.is_some_and(|order| order.is_cancelled()) {
                    let due = self.change(payment.order, Payment::owe_refund).await?;
                    self.refund(due.unwrap_or(payment)).await
                } else {
                    self.payments.finish(&payment).await?;
                    Ok(payment)
                }
            }
        }
    }

    async fn refund(&self, payment: Payment) -> Result<Payment, StoreError> {
        let Status::RefundDue(charge) = &payment.status else {
            return Ok(payment);
        };
        match self.stripe.refund(payment.id, charge).await {
            Ok(refund) => {
                let refunded = |payment: &Payment| payment.refund(&refund);
                let refunded = self.change(payment.order, refunded).await?;
                Ok(refunded.unwrap_or(payment))
            }
            Err(unclear) => {
                self.postpone(&payment, &unclear).await?;
                Ok(payment)
            }
        }
    }

    /// Changes the order's payment as it is now, again if it was changed meanwhile; gives it as it is then.
    async fn change(
        &self,
        order: Id<kind::Order>,
        change: impl Fn(&Payment) -> Option<Payment> + Sync,
    ) -> Result<Option<Payment>, StoreError> {
        let change = &change;
        until_written(|| async move {
            let Some(payment) = self.payments.find(order).await? else {
                return Ok(Some(None));
            };
            let Some(changed) = change(&payment) else {
                return Ok(Some(Some(payment)));
            };
            let lease = self.lease();
            let written = self.payments.replace(&payment, &changed, lease).await?;
            Ok(written.then_some(Some(changed)))
        })
        .await
    }

    async fn postpone(&self, payment: &Payment, reason: &Unclear) -> Result<(), StoreError> {
        let longest = if payment.tries < TRIES_OF_AN_OUTAGE {
            LONGEST_PAUSE
        } else {
            LONGEST_PAUSE_AFTER
        };
        let pause = Backoff::new(Duration::from_secs(1), longest).delay_of(payment.tries + 1);
        tracing::warn!(payment.id = %payment.id, order.id = %payment.order, error = %reason, ?pause, "will be tried again");
        let until = self.clock.now().plus(pause);
        self.payments.postpone(payment, until).await
    }

    fn lease(&self) -> Timestamp {
        self.clock.now().plus(LEASE)
    }
}
