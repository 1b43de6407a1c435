//! Ordering, paying and cancelling.

use common::api::orders::OrderView;
use common::api::payments::PaymentView;
use common::id::kind;
use common::{Id, Timestamp};
use serde_json::json;
use testkit::Answer;

use super::Operation;
use super::customer::{Customer, Response, message};
use super::shop::Offer;
use crate::history::Acknowledged;

/// A card that can be charged.
pub(super) const VALID_CARD: &str = "tok_visa";

/// A card that is declined.
pub(super) const DECLINED_CARD: &str = "tok_chargeDeclined";

/// An order of the customer.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnOrder {
    pub(super) order: Id<kind::Order>,
    pub(super) ticket: Id<kind::Ticket>,
    pub(super) expires_at: Timestamp,
}

impl Customer {
    /// Orders the ticket; none if it is reserved, or if there is no clear response.
    pub(super) async fn order(&self, offer: Offer) -> Option<OwnOrder> {
        let body = json!({ "ticketId": offer.ticket });
        let response = self
            .request(Operation::Order, "/api/orders", Some(&body))
            .await?;
        match response.answer.status {
            201 => self.ordered(&response.answer, offer),
            400 => {
                self.expect_message(
                    Operation::Order,
                    offer.ticket,
                    &response,
                    &["Ticket is already reserved"],
                );
                // An earlier request may have reserved it.
                if response.is_repeated {
                    self.find_order(offer).await
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// Records a 201 to an order.
    pub(super) fn ordered(&self, answer: &Answer, offer: Offer) -> Option<OwnOrder> {
        let view: OrderView = self.read(Operation::Order, answer)?;
        if view.ticket.id != offer.ticket || !view.status.is_active() {
            let message = format!("a different order was placed: {}", answer.text);
            self.report_breach(Operation::Order, vec![offer.ticket.to_string()], message);
        }
        self.shop.history.add(Acknowledged::OrderPlaced {
            order: view.id,
            ticket: view.ticket.id,
            buyer: view.user_id,
            price: view.ticket.price,
            expires_at: view.expires_at,
        });
        Some(self.holds(&view))
    }

    /// The customer's order of this ticket, which was placed although its response was lost.
    async fn find_order(&self, offer: Offer) -> Option<OwnOrder> {
        let response = self
            .request(Operation::ListOrders, "/api/orders?sort=newest", None)
            .await?;
        let orders: Vec<OrderView> = self.read(Operation::ListOrders, &response.answer)?;
        let found = orders
            .iter()
            .find(|order| order.ticket.id == offer.ticket && order.status.is_active())?;
        Some(self.holds(found))
    }

    /// Records the holder of the ticket, and reports another live order of it.
    fn holds(&self, view: &OrderView) -> OwnOrder {
        let (ticket, order, now) = (view.ticket.id, view.id, self.shop.clock.now());
        let live = self
            .shop
            .holders
            .placed(ticket, order, view.expires_at, now);
        if !live.is_empty() {
            let others = live.iter().map(|other| format!("order {other}"));
            let entities = [format!("ticket {ticket}"), format!("order {order}")];
            let message = "a ticket has two live orders".to_owned();
            self.report_breach(
                Operation::Order,
                entities.into_iter().chain(others).collect(),
                message,
            );
        }
        OwnOrder {
            order,
            ticket,
            expires_at: view.expires_at,
        }
    }

    /// Pays with a valid card; returns the payment if it was made now.
    pub(super) async fn pay(&self, own: OwnOrder) -> Option<Id<kind::Payment>> {
        const REFUSALS: [&str; 2] = ["Order is already paid", "Cannot pay for a cancelled order"];
        let response = self.request_payment(own, VALID_CARD).await;
        if let Some(response) = response
            .as_ref()
            .filter(|response| response.answer.status == 400)
        {
            self.expect_message(Operation::Pay, own.order, response, &REFUSALS);
        }
        self.paid(own, response)
    }

    /// Pays with a card that is declined, and then with a valid one.
    pub(super) async fn pay_at_second_try(&self, own: OwnOrder) {
        let response = self.request_payment(own, DECLINED_CARD).await;
        if response
            .as_ref()
            .is_some_and(|response| response.answer.status == 201)
        {
            let message = "a declined card paid".to_owned();
            self.report_breach(
                Operation::Pay,
                vec![format!("order {}", own.order)],
                message,
            );
        }
        // If the response to the declined card was lost, the valid card may get it, and is tried again.
        for _ in 0..2 {
            let response = self.request_payment(own, VALID_CARD).await;
            if self.paid(own, response).is_some() {
                return;
            }
        }
    }

    async fn request_payment(&self, own: OwnOrder, card: &str) -> Option<Response> {
        let body = json!({ "token": card, "orderId": own.order });
        self.request(Operation::Pay, "/api/payments", Some(&body))
            .await
    }

    /// Records the response to a payment.
    fn paid(&self, own: OwnOrder, response: Option<Response>) -> Option<Id<kind::Payment>> {
        let answer = response?.answer;
        let PaymentView { id: payment } = self.read_if(Operation::Pay, 201, &answer)?;
        let order = own.order;
        self.shop.history.add(Acknowledged::Paid { order, payment });
        Some(payment)
    }

    /// Cancels the order.
    pub(super) async fn cancel(&self, own: OwnOrder) {
        self.shop.holders.released(own.ticket, own.order);
        let path = format!("/api/orders/{}", own.order);
        let Some(response) = self.request(Operation::Cancel, &path, None).await else {
            return;
        };
        match response.answer.status {
            204 => {
                let order = own.order;
                self.shop
                    .history
                    .add(Acknowledged::OrderCancelled { order });
            }
            400 => self.expect_message(
                Operation::Cancel,
                own.order,
                &response,
                &["Cannot cancel a paid order"],
            ),
            _ => {}
        }
    }

    /// The present order.
    pub(super) async fn show_order(&self, order: Id<kind::Order>) -> Option<OrderView> {
        let path = format!("/api/orders/{order}");
        let response = self.request(Operation::ShowOrder, &path, None).await?;
        self.read_if(Operation::ShowOrder, 200, &response.answer)
    }

    /// Reports a refusal with a message other than these.
    pub(super) fn expect_message<K>(
        &self,
        operation: Operation,
        about: Id<K>,
        response: &Response,
        expected: &[&str],
    ) {
        let message = message(&response.answer);
        if !expected.contains(&message) {
            self.report_breach(
                operation,
                vec![about.to_string()],
                format!("refused: {message}"),
            );
        }
    }
}
