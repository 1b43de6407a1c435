//! Things done at the same time: several want one ticket, one pays twice, one pays and gives up.

use common::Id;
use futures::future::join_all;
use serde_json::json;

use super::Ask;
use super::buying::Own;
use super::customer::Customer;
use super::shop::Offer;

/// All of them want it; gives who got it, with the order, if anybody was told so.
pub(super) async fn race(runners: &[Customer], offer: Offer) -> Option<(&Customer, Own)> {
    let body = json!({ "ticketId": offer.ticket });
    let orders = runners.iter().map(async |runner| {
        // Once: told nothing clear, a runner gives up.
        let answer = runner.once(Ask::Order, "/api/orders", Some(&body)).await;
        let ordered = answer.filter(|answer| answer.status == 201)?;
        Some((runner, runner.ordered(&ordered, offer)?))
    });
    // That two got it is noticed where each takes note of its order.
    join_all(orders).await.into_iter().flatten().next()
}

impl Customer {
    /// Pays in two tabs at once: there is one payment, whoever is told of it.
    pub(super) async fn pay_twice(&self, own: Own) {
        let (one, other) = tokio::join!(self.pay(own), self.pay(own));
        if let (Some(one), Some(other)) = (one, other)
            && one != other
        {
            let payments = [one, other].map(|payment: Id<_>| format!("payment {payment}"));
            let order = format!("order {}", own.order);
            let entities = payments.into_iter().chain([order]).collect();
            self.complain(Ask::Pay, entities, "an order was paid twice".to_owned());
        }
    }

    /// Pays in one tab and gives up in the other.
    pub(super) async fn cancel_while_paying(&self, own: Own) {
        tokio::join!(self.pay(own), self.cancel(own));
    }
}
