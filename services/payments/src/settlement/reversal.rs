//! Refunds and disputes made at Stripe: the payment follows, and tells the orders service if all of the money is gone.

use mongo::StoreError;
use tracing::Instrument;

use super::Settlement;
use crate::domain::{Payment, Reversals, Status};
use crate::stripe::{Success, Unclear};

/// Why what happened to a charge was not recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReversalFailure {
    /// Stripe did not say what it was.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Settlement {
    /// Records what went back of this intent's charge.
    pub(crate) async fn reversed(&self, intent: &str) -> Result<(), ReversalFailure> {
        let Some(success) = self.stripe.success(intent).await? else {
            return Ok(());
        };
        let span = self.span_of(success.order).await;
        self.record(success, intent).instrument(span).await
    }

    /// What went back was charged before, so that is recorded first.
    ///
    /// The payment is read before Stripe is asked, and is written only if nobody changed it meanwhile. So of two who
    /// record at once, the one with the older answer asks again.
    async fn record(&self, success: Success, intent: &str) -> Result<(), ReversalFailure> {
        let Success {
            order,
            attempt,
            charge,
        } = success;
        let known = self.payments.find(order).await?;
        if known.is_none_or(|payment| payment.charge().is_none()) {
            self.succeed(order, attempt, charge.clone()).await?;
        }
        loop {
            let Some(payment) = self.payments.find(order).await? else {
                return Ok(());
            };
            let reversals = self.stripe.went_back(intent).await?;
            self.watch_refunds(&payment, &reversals);
            let Some(reversed) = payment.reversed(&charge, &reversals) else {
                return Ok(());
            };
            let lease = self.lease();
            if self.payments.replace(&payment, &reversed, lease).await? {
                tracing::info!(
                    payment.id = %payment.id, order.id = %order, stripe.intent = intent,
                    cents = reversed.given_back, "money went back at Stripe"
                );
                self.finish(reversed).await?;
                return Ok(());
            }
        }
    }

    /// A refund that fails after the payment ended leaves money here that belongs to the buyer.
    fn watch_refunds(&self, payment: &Payment, reversals: &Reversals) {
        let ended = matches!(payment.status, Status::Refunded { .. });
        if ended && reversals.cents() < payment.price.cents() {
            self.payments.measured.anomaly("refund_failed");
            tracing::error!(payment.id = %payment.id, order.id = %payment.order, "a refund failed after it counted");
        }
    }
}
