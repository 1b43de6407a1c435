//! Refunds and disputes made at Stripe: recorded in the payment, which ends if all of the money was returned.

use mongo::StoreError;
use tracing::Instrument;

use super::Settlement;
use crate::domain::{Payment, Reversals, Status};
use crate::stripe::{ChargedAttempt, Unclear};

/// Why a reversal was not recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReversalFailure {
    /// Stripe gave no clear answer.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Settlement {
    /// Records how much of this intent's charge was returned.
    pub(crate) async fn record_reversal(&self, intent: &str) -> Result<(), ReversalFailure> {
        let Some(charged) = self.stripe.charged_attempt(intent).await? else {
            return Ok(());
        };
        let span = self.span_of(charged.order).await;
        self.record(charged, intent).instrument(span).await
    }

    /// Records first the charge, if it is unknown, then its reversals.
    ///
    /// The payment is read before Stripe is asked, and written only if it did not change meanwhile. So of two
    /// concurrent writers, the one with the older answer asks again.
    async fn record(&self, charged: ChargedAttempt, intent: &str) -> Result<(), ReversalFailure> {
        let ChargedAttempt {
            order,
            attempt,
            charge,
        } = charged;
        let known = self.payments.find(order).await?;
        if known.is_none_or(|payment| payment.charge().is_none()) {
            self.succeed(order, attempt, charge.clone()).await?;
        }
        loop {
            let Some(payment) = self.payments.find(order).await? else {
                return Ok(());
            };
            let reversals = self.stripe.reversals(intent).await?;
            self.report_failed_refund(&payment, &reversals);
            let Some(reversed) = payment.reversed(&charge, &reversals) else {
                return Ok(());
            };
            let lease = self.lease();
            if self.payments.replace(&payment, &reversed, lease).await? {
                tracing::info!(
                    payment.id = %payment.id(), order.id = %order, stripe.intent = intent,
                    cents = reversed.returned_cents(), "money returned at Stripe"
                );
                self.finish(reversed).await?;
                return Ok(());
            }
        }
    }

    /// Reports a refund that failed after the payment ended: we hold money that belongs to the buyer.
    fn report_failed_refund(&self, payment: &Payment, reversals: &Reversals) {
        let ended = matches!(payment.status(), Status::Refunded { .. });
        if ended && reversals.cents() < payment.price().cents() {
            self.payments.metrics().anomaly("refund_failed");
            tracing::error!(
                payment.id = %payment.id(), order.id = %payment.order_id(), "refund failed after the payment ended"
            );
        }
    }
}
