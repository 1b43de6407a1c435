//! Drives payments to their end: charges the card, reads the order again, and refunds the charge of a cancelled order.
//!
//! Each step is written to the database before Stripe is called, with the time at which the sweep takes over if this
//! process dies. Every step can be repeated, also by several processes at once: idempotency keys make that safe at
//! Stripe, and the payment's version in the database.
//!
//! Money follows the order. A success is written first and the order is read afterwards; the consumer of cancellations
//! writes the order first and reads the payment afterwards. So at least one of the two sees the other, and a charge for
//! a cancelled order is always refunded. Nothing else is refunded: a charge after the order's expiry waits until the
//! orders service completes or cancels the order. Money that a person or a bank takes back at Stripe is recorded, and
//! there the order follows the money.

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

use crate::domain::{CardToken, Charge, Payment, STUCK_AFTER, Status};
use crate::store::{OrderStore, PaymentStore};
use crate::stripe::{ChargeRequest, Resolution, Stripe, Unclear};

pub(crate) use pay::PayFailure;
pub(crate) use reversal::ReversalFailure;

/// How long the process that wrote a step has it to itself: longer than a call to Stripe takes.
const LEASE: Duration = Duration::from_secs(10);

/// The longest pause between tries while Stripe gives no clear answer. It is short, so payments that an outage delayed
/// are settled seconds after its end.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause between tries of a stuck payment.
const LONGEST_STUCK_PAUSE: Duration = Duration::from_hours(1);

/// How many buyers can pay at once. The limit is below the number of requests that the service handles at once, so a
/// slow Stripe delays neither webhooks nor other requests.
const MAX_CONCURRENT: usize = 48;

/// All operations that move money.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    orders: OrderStore,
    payments: PaymentStore,
    stripe: Stripe,
    clock: Clock,
    /// The tasks of buyers who are paying.
    tasks: TaskTracker,
    /// Limits how many buyers pay at once.
    permits: Arc<Semaphore>,
    closing: CancellationToken,
}

impl Settlement {
    /// Settlement of these payments. `closing` must be the token that `stripe` was created with.
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
            tasks: TaskTracker::new(),
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            closing,
        }
    }

    /// Records that Stripe charged an attempt's card, and continues from there.
    pub(crate) async fn record_charge(
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

    /// The id of the order's payment, if there is one.
    pub(crate) async fn payment_of(
        &self,
        order: Id<kind::Order>,
    ) -> Result<Option<Id<kind::Payment>>, StoreError> {
        let payment = self.payments.find(order).await?;
        Ok(payment.map(|payment| payment.id()))
    }

    /// Refunds the charge of an order that the replica shows as cancelled.
    pub(crate) async fn order_cancelled(&self, order: Id<kind::Order>) -> Result<(), StoreError> {
        if let Some(payment) = self.payments.find(order).await? {
            self.finish(payment).await?;
        }
        Ok(())
    }

    /// Takes the payment as far as possible now and returns it.
    async fn drive(&self, mut payment: Payment) -> Result<Payment, StoreError> {
        while let Some((attempt, card)) = payment.pending() {
            let driven = self.drive_attempt(&payment, attempt, card).await?;
            let next = driven.pending();
            if next.is_none_or(|(number, _)| number <= attempt) {
                return Ok(driven);
            }
            payment = driven;
        }
        self.finish(payment).await
    }

    /// Charges the pending attempt, or withdraws it if the order can no longer be paid. An attempt that charged nothing
    /// because Stripe failed is renewed as long as the order can be paid.
    async fn drive_attempt(
        &self,
        payment: &Payment,
        attempt: u32,
        card: &CardToken,
    ) -> Result<Payment, StoreError> {
        let order = payment.order_id();
        let request = ChargeRequest {
            order,
            payment: payment.id(),
            attempt,
            price: payment.price(),
            card,
            tries: payment.tries(),
        };
        let found = self.orders.find(order).await?;
        let can_be_charged = found.is_some_and(|order| order.can_be_charged(self.clock.now()));
        let resolution = if can_be_charged {
            self.stripe.charge(&request).await
        } else {
            self.stripe.withdraw(&request).await
        };
        let driven = match resolution {
            Ok(Resolution::Charged(charge)) => self.succeed(order, attempt, charge).await?,
            Ok(Resolution::Declined(decline)) => {
                let declined = |payment: &Payment| payment.decline(attempt, decline.clone());
                self.change(order, declined).await?
            }
            Ok(Resolution::Withdrawn) if can_be_charged => {
                self.change(order, |payment| payment.renew(attempt)).await?
            }
            Ok(Resolution::Withdrawn) => {
                self.change(order, |payment| payment.withdraw(attempt))
                    .await?
            }
            Err(unclear) => {
                self.postpone(payment, &unclear).await?;
                // A webhook may have reported the result meanwhile.
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
            self.payments.metrics().anomaly("unknown_charge");
            tracing::error!(order.id = %order, stripe.intent = charge.intent, "charge without a payment");
            return Ok(None);
        };
        if payment.charge() != Some(&charge) {
            self.payments.metrics().anomaly("charged_twice");
            tracing::error!(
                order.id = %order, payment.id = %payment.id(), stripe.intent = charge.intent, "charged twice"
            );
        }
        self.finish(payment).await.map(Some)
    }

    /// Does what follows a success: nothing, or a refund if the order was cancelled.
    async fn finish(&self, payment: Payment) -> Result<Payment, StoreError> {
        match payment.status() {
            Status::Open | Status::Refunded { .. } => Ok(payment),
            Status::RefundDue(_) => self.refund(payment).await,
            Status::Succeeded(_) => {
                let order = self.orders.find(payment.order_id()).await?;
                if order.is_some_and(|order| order.is_cancelled()) {
                    let due = self.change(payment.order_id(), Payment::owe_refund).await?;
                    self.refund(due.unwrap_or(payment)).await
                } else {
                    self.payments.finish(&payment).await?;
                    Ok(payment)
                }
            }
        }
    }

    async fn refund(&self, payment: Payment) -> Result<Payment, StoreError> {
        let Status::RefundDue(charge) = payment.status() else {
            return Ok(payment);
        };
        let refund = self
            .stripe
            .refund(payment.id(), charge, payment.price(), payment.tries());
        match refund.await {
            Ok(refund) => {
                let refunded = |payment: &Payment| payment.refund(&refund);
                let refunded = self.change(payment.order_id(), refunded).await?;
                Ok(refunded.unwrap_or(payment))
            }
            Err(unclear) => {
                self.postpone(&payment, &unclear).await?;
                Ok(payment)
            }
        }
    }

    /// Applies a change to the order's current payment, and retries if another write came first. Returns the payment,
    /// unchanged if the change does not apply.
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
        let tries = payment.tries() + 1;
        let pause = match tries.checked_sub(STUCK_AFTER) {
            None => Backoff::new(Duration::from_secs(1), LONGEST_PAUSE).delay_of(tries),
            Some(more) => Backoff::new(LONGEST_PAUSE, LONGEST_STUCK_PAUSE).delay_of(more + 1),
        };
        tracing::warn!(
            payment.id = %payment.id(), order.id = %payment.order_id(), error = %reason, ?pause, "payment postponed"
        );
        let until = self.clock.now().plus(pause);
        self.payments.postpone(payment, until).await
    }

    fn lease(&self) -> Timestamp {
        self.clock.now().plus(LEASE)
    }
}
