//! Concurrent actions: several customers order one ticket, one pays twice, one pays and cancels.

use common::Id;
use futures::future::join_all;
use serde_json::json;

use super::Operation;
use super::buying::OwnOrder;
use super::customer::Customer;
use super::shop::Offer;

/// All of them order the ticket. Returns the one whose order was acknowledged, if any.
pub(super) async fn race(runners: &[Customer], offer: Offer) -> Option<(&Customer, OwnOrder)> {
    let body = json!({ "ticketId": offer.ticket });
    let orders = runners.iter().map(async |runner| {
        // A request without a clear response is not repeated.
        let answer = runner
            .send_once(Operation::Order, "/api/orders", Some(&body))
            .await;
        let ordered = answer.filter(|answer| answer.status == 201)?;
        Some((runner, runner.ordered(&ordered, offer)?))
    });
    // `ordered` reports it if two orders are acknowledged.
    join_all(orders).await.into_iter().flatten().next()
}

impl Customer {
    /// Pays in two tabs at once, which must make one payment.
    pub(super) async fn pay_twice(&self, own: OwnOrder) {
        let (one, other) = tokio::join!(self.pay(own), self.pay(own));
        if let (Some(one), Some(other)) = (one, other)
            && one != other
        {
            let payments = [one, other].map(|payment: Id<_>| format!("payment {payment}"));
            let order = format!("order {}", own.order);
            let entities = payments.into_iter().chain([order]).collect();
            self.report_breach(
                Operation::Pay,
                entities,
                "an order was paid twice".to_owned(),
            );
        }
    }

    /// Pays in one tab and cancels in the other.
    pub(super) async fn cancel_while_paying(&self, own: OwnOrder) {
        tokio::join!(self.pay(own), self.cancel(own));
    }
}
