//! Drives payments to their end: charges, looks at the order again, and refunds what came too late.
//!
//! Whatever is about to be done is in the database before Stripe is asked, with the time at which the sweep takes
//! over should this process die. Every step can be taken again, and by several processes at once: Stripe knows the
//! steps by their idempotency keys, and the database by the payment's version.
//!
//! Money follows the order. A success is written first and the order is looked at after; the consumer of
//! cancellations writes the order first and looks at the payment after. So one of the two sees the other, and what
//! was charged for a cancelled order is refunded. Nothing else is ever refunded: a charge that came after the
//! order's time waits for the orders service to complete or to cancel it. Money that a person or a bank takes back at
//! Stripe is recorded, and then the order follows the money.

mod pay;
mod reversal;
mod sweep;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use base::backoff::Backoff;
use common::id::kind;
use common::{Id, Timestamp};
use mongo::{StoreError, until_written};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::domain::{CardToken, Charge, Payment, Status};
use crate::store::{OrderStore, PaymentStore};
use crate::stripe::{ChargeRequest, Charged, Stripe, Unclear, Withdrawal};

pub(crate) use pay::PayFailure;
pub(crate) use reversal::ReversalFailure;

/// For how long whoever writes a step has it to himself: longer than a call to Stripe takes.
const LEASE: Duration = Duration::from_secs(10);

/// The longest pause between tries while Stripe gives no clear answer: what an outage held up is settled seconds
/// after its end.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many buyers pay at once: fewer than the requests that the service works on at once, so that a slow Stripe does not
/// hold up its webhooks, and what has nothing to do with it.
const AT_ONCE: usize = 48;

/// After so many tries it is no outage but something for a person to look at: an alert says so, and pauses grow from then
/// on to as much as an hour.
pub(crate) const TRIES_OF_AN_OUTAGE: u64 = 100;
const LONGEST_PAUSE_AFTER: Duration = Duration::from_hours(1);

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

    /// The id of the order's payment, if one was begun.
    pub(crate) async fn payment_of(
        &self,
        order: Id<kind::Order>,
    ) -> Result<Option<Id<kind::Payment>>, StoreError> {
        let payment = self.payments.find(order).await?;
        Ok(payment.map(|payment| payment.id))
    }

    /// Gives back what was charged for an order that is now known to be cancelled.
    pub(crate) async fn order_cancelled(&self, order: Id<kind::Order>) -> Result<(), StoreError> {
        if let Some(payment) = self.payments.find(order).await? {
            self.finish(payment).await?;
        }
        Ok(())
    }

    /// Takes the payment as far as it goes now; gives it as it is then.
    async fn drive(&self, mut payment: Payment) -> Result<Payment, StoreError> {
        while let Some((attempt, card)) = payment.pending() {
            let renewed = |payment: &Payment| {
                payment
                    .pending()
                    .is_some_and(|(number, _)| number > attempt)
            };
            let driven = self.drive_attempt(&payment, attempt, card).await?;
            if !renewed(&driven) {
                return Ok(driven);
            }
            payment = driven;
        }
        self.finish(payment).await
    }

    /// Charges the pending attempt, or withdraws it if nothing may be charged any more. An attempt that charged nothing
    /// for reasons of Stripe's is made anew as long as the order can be paid.
    async fn drive_attempt(
        &self,
        payment: &Payment,
        attempt: u32,
        card: &CardToken,
    ) -> Result<Payment, StoreError> {
        let request = ChargeRequest {
            order: payment.order,
            payment: payment.id,
            attempt,
            price: payment.price,
            card,
            tries: payment.tries,
        };
        let order = payment.order;
        let found = self.orders.find(order).await?;
        let can_be_charged = found.is_some_and(|order| order.can_be_charged(self.clock.now()));
        let answered = if can_be_charged {
            self.stripe.charge(&request).await
        } else {
            self.stripe.withdraw(&request).await
        };
        let driven = match answered {
            Ok(Withdrawal::TooLate(Charged::Paid(charge))) => {
                self.succeed(order, attempt, charge).await?
            }
            Ok(Withdrawal::TooLate(Charged::Declined(decline))) => {
                let declined = |payment: &Payment| payment.decline(attempt, decline.clone());
                self.change(order, declined).await?
            }
            Ok(Withdrawal::Withdrawn) if can_be_charged => {
                self.change(order, |payment| payment.renew(attempt)).await?
            }
            Ok(Withdrawal::Withdrawn) => {
                self.change(order, |payment| payment.withdraw(attempt))
                    .await?
            }
            Err(unclear) => {
                self.postpone(payment, &unclear).await?;
                // A webhook may have told meanwhile what the answer did not.
                self.payments.find(order).await?
            }
        };
        Ok(driven.unwrap_or_else(|| payment.clone()))
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
        let refund = self
            .stripe
            .refund(payment.id, charge, payment.price, payment.tries);
        match refund.await {
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
        let tries = payment.tries + 1;
        let pause = match tries.checked_sub(TRIES_OF_AN_OUTAGE) {
            None => Backoff::new(Duration::from_secs(1), LONGEST_PAUSE).delay_of(tries),
            Some(more) => Backoff::new(LONGEST_PAUSE, LONGEST_PAUSE_AFTER).delay_of(more + 1),
        };
        tracing::warn!(payment.id = %payment.id, order.id = %payment.order, error = %reason, ?pause, "will be tried again");
        let until = self.clock.now().plus(pause);
        self.payments.postpone(payment, until).await
    }

    fn lease(&self) -> Timestamp {
        self.clock.now().plus(LEASE)
    }
}
