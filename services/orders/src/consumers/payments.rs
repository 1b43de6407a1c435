//! A payment completes its order.

use common::events::PaymentState;
use service::messaging::Failure;

use super::NoOrder;
use crate::store::OrderStore;

/// Handles `payment:created`.
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
}
