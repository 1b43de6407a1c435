//! A payment completes its order. Money that went back cancels it.

use common::events::PaymentState;
use messaging::Failure;

use super::NoOrder;
use crate::store::OrderStore;

/// Handles `payment:created` and `payment:refunded`.
#[derive(Debug)]
pub(super) struct PaymentEvents {
    orders: OrderStore,
}

impl PaymentEvents {
    pub(super) const fn new(orders: OrderStore) -> Self {
        Self { orders }
    }

    pub(super) async fn made(&self, payment: &PaymentState) -> Result<(), Failure> {
        let completed = self
            .orders
            .change::<Failure>(payment.order_id, |order| Ok(order.complete()))
            .await?;
        completed.ok_or(NoOrder(payment.order_id))?;
        Ok(())
    }

    /// Of a payment that was refunded because its order was cancelled there is nothing left to do.
    pub(super) async fn refunded(&self, payment: &PaymentState) -> Result<(), Failure> {
        let cancelled = self
            .orders
            .change::<Failure>(payment.order_id, |order| Ok(order.refund()))
            .await?;
        cancelled.ok_or(NoOrder(payment.order_id))?;
        Ok(())
    }
}
