//! A payment completes its order.

use common::events::PaymentState;
use service::messaging::Failure;

use super::{Events, NoOrder};

impl Events {
    pub(super) async fn order_paid(&self, payment: &PaymentState) -> Result<(), Failure> {
        let completed = self
            .orders
            .change::<Failure>(payment.order_id, |order| Ok(order.complete()))
            .await?;
        completed.ok_or(NoOrder(payment.order_id))?;
        Ok(())
    }
}
