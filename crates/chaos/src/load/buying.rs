//! Ordering, paying and giving up.

use common::api::orders::OrderView;
use common::api::payments::PaymentView;
use common::id::kind;
use common::{Id, Timestamp};
use serde_json::json;
use testkit::Answer;

use super::Ask;
use super::customer::{Customer, Said, message};
use super::shop::Offer;
use crate::history::Acknowledged;

/// A card that is good.
pub(super) const GOOD_CARD: &str = "tok_visa";

/// A card that is declined.
pub(super) const BAD_CARD: &str = "tok_chargeDeclined";

/// An order of one's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) order: Id<kind::Order>,
    pub(super) ticket: Id<kind::Ticket>,
    pub(super) expires_at: Timestamp,
}

impl Customer {
    /// Orders what is offered; none if another was faster, or nothing clear was said.
    pub(super) async fn order(&self, offer: Offer) -> Option<Own> {
        let body = json!({ "ticketId": offer.ticket });
        let said = self.insist(Ask::Order, "/api/orders", Some(&body)).await?;
        match said.answer.status {
            201 => self.ordered(&said.answer, offer),
            400 => {
                self.expect_words(
                    Ask::Order,
                    offer.ticket,
                    &said,
                    &["Ticket is already reserved"],
                );
                // By oneself, it may be.
                if said.again {
                    self.find_order(offer).await
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// Takes note of a 201 to an order.
    pub(super) fn ordered(&self, answer: &Answer, offer: Offer) -> Option<Own> {
        let view: OrderView = self.read(Ask::Order, answer)?;
        if view.ticket.id != offer.ticket || !view.status.is_active() {
            let words = format!("another order than was asked for: {}", answer.text);
            self.complain(Ask::Order, vec![offer.ticket.to_string()], words);
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

    /// The order of this ticket that was made although its answer was lost.
    async fn find_order(&self, offer: Offer) -> Option<Own> {
        let said = self
            .insist(Ask::ListOrders, "/api/orders?sort=newest", None)
            .await?;
        let orders: Vec<OrderView> = self.read(Ask::ListOrders, &said.answer)?;
        let found = orders
            .iter()
            .find(|order| order.ticket.id == offer.ticket && order.status.is_active())?;
        Some(self.holds(found))
    }

    /// Complains if somebody else's order of the same ticket is alive.
    fn holds(&self, view: &OrderView) -> Own {
        let (ticket, order, now) = (view.ticket.id, view.id, self.shop.clock.now());
        let alive = self
            .shop
            .holders
            .placed(ticket, order, view.expires_at, now);
        if !alive.is_empty() {
            let others = alive.iter().map(|other| format!("order {other}"));
            let entities = [format!("ticket {ticket}"), format!("order {order}")];
            let words = "a ticket was given to two living orders".to_owned();
            self.complain(
                Ask::Order,
                entities.into_iter().chain(others).collect(),
                words,
            );
        }
        Own {
            order,
            ticket,
            expires_at: view.expires_at,
        }
    }

    /// Pays with a card that is good, however often it takes to be told; gives the payment if it was made now.
    pub(super) async fn pay(&self, own: Own) -> Option<Id<kind::Payment>> {
        const REFUSALS: [&str; 2] = ["Order is already paid", "Cannot pay for a cancelled order"];
        let said = self.ask_to_pay(own, GOOD_CARD).await;
        if let Some(said) = said.as_ref().filter(|said| said.answer.status == 400) {
            self.expect_words(Ask::Pay, own.order, said, &REFUSALS);
        }
        self.paid(own, said)
    }

    /// Pays with a card that is declined, and then with a good one.
    pub(super) async fn pay_at_second_try(&self, own: Own) {
        let said = self.ask_to_pay(own, BAD_CARD).await;
        if said.as_ref().is_some_and(|said| said.answer.status == 201) {
            let words = "a declined card paid".to_owned();
            self.complain(Ask::Pay, vec![format!("order {}", own.order)], words);
        }
        // Told of the decline or not: then the good card may be told of it, and is tried once more.
        for _ in 0..2 {
            let said = self.ask_to_pay(own, GOOD_CARD).await;
            if self.paid(own, said).is_some() {
                return;
            }
        }
    }

    async fn ask_to_pay(&self, own: Own, card: &str) -> Option<Said> {
        let body = json!({ "token": card, "orderId": own.order });
        self.insist(Ask::Pay, "/api/payments", Some(&body)).await
    }

    /// Takes note of the answer to a payment.
    fn paid(&self, own: Own, said: Option<Said>) -> Option<Id<kind::Payment>> {
        let answer = said?.answer;
        let PaymentView { id: payment } = self.shown(Ask::Pay, 201, &answer)?;
        let order = own.order;
        self.shop.history.add(Acknowledged::Paid { order, payment });
        Some(payment)
    }

    /// Gives the order up.
    pub(super) async fn cancel(&self, own: Own) {
        self.shop.holders.given_up(own.ticket, own.order);
        let path = format!("/api/orders/{}", own.order);
        let Some(said) = self.insist(Ask::Cancel, &path, None).await else {
            return;
        };
        match said.answer.status {
            204 => {
                let order = own.order;
                self.shop
                    .history
                    .add(Acknowledged::OrderCancelled { order });
            }
            400 => self.expect_words(
                Ask::Cancel,
                own.order,
                &said,
                &["Cannot cancel a paid order"],
            ),
            _ => {}
        }
    }

    /// How the order stands.
    pub(super) async fn look_at(&self, order: Id<kind::Order>) -> Option<OrderView> {
        let path = format!("/api/orders/{order}");
        let said = self.insist(Ask::ShowOrder, &path, None).await?;
        self.shown(Ask::ShowOrder, 200, &said.answer)
    }

    /// Complains if a refusal has another reason than these.
    pub(super) fn expect_words<K>(&self, ask: Ask, about: Id<K>, said: &Said, words: &[&str]) {
        let message = message(&said.answer);
        if !words.contains(&message) {
            self.complain(ask, vec![about.to_string()], format!("refused: {message}"));
        }
    }
}
