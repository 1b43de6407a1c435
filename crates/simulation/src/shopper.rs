//! Shoppers and sellers: what they request, in which order, and how they react to a missing response.

mod selling;

use std::error::Error;
use std::time::Duration;

use audit::Acknowledged;
use bson::Document;
use bson::oid::ObjectId;
use common::api::auth::SessionView;
use common::api::orders::OrderView;
use common::id::kind;
use common::{Id, OrderStatus, Price};
use messaging::resync::emit;
use mongo::{StoreError, from_date_time, new_id, object_id};
use tokio::time::sleep;
use web::ApiError;

use crate::fleet::Fleet;
use crate::replica::{Replica, Service};

const GOOD_CARD: &str = "tok_visa";
const BAD_CARD: &str = "tok_chargeDeclined";

/// How many times a shopper sends a request that gets no response.
const TRIES: usize = 4;

/// How many shoppers in a hundred click twice.
const DOUBLE_CLICK: u64 = 15;

const ALREADY_RESERVED: &str = "Ticket is already reserved";

/// A shopper or seller with an account.
#[derive(Clone)]
pub(crate) struct Shopper {
    fleet: Fleet,
    session: SessionView,
}

impl Shopper {
    /// A new account.
    pub(crate) fn new(fleet: &Fleet) -> Self {
        let email = "somebody@example.com".parse();
        Self {
            fleet: fleet.clone(),
            session: SessionView {
                id: new_id(),
                email: email.expect("an address"),
                iat: 0,
            },
        }
    }

    /// Orders one of these tickets within so many milliseconds, and then pays, cancels, or does nothing.
    pub(crate) async fn shop(&self, tickets: &[Id<kind::Ticket>], within: u64) {
        self.pause(within).await;
        let chosen = self.fleet.world.below(tickets.len() as u64);
        let ticket = tickets[usize::try_from(chosen).expect("there are few")];
        let placed = if self.fleet.world.percent(DOUBLE_CLICK) {
            let (one, other) = tokio::join!(self.place(ticket), self.place(ticket));
            one.or(other)
        } else {
            self.place(ticket).await
        };
        let Some(order) = placed else {
            return;
        };
        self.pause(800).await;
        match self.fleet.world.below(10) {
            0..=2 => self.pay(order.id, GOOD_CARD).await,
            3 => {
                let again = self.pay(order.id, GOOD_CARD);
                tokio::join!(self.pay(order.id, GOOD_CARD), again);
            }
            4 => {
                self.pay(order.id, BAD_CARD).await;
                self.pay(order.id, GOOD_CARD).await;
            }
            5 => self.cancel(order.id).await,
            6 | 7 => {
                let pay = self.pay(order.id, GOOD_CARD);
                tokio::join!(pay, self.cancel(order.id));
            }
            8 => {
                let left = order.expires_at.since(self.fleet.clock.now());
                sleep(left.saturating_sub(Duration::from_millis(300))).await;
                self.pause(400).await;
                self.pay(order.id, GOOD_CARD).await;
            }
            _ => {}
        }
    }

    /// Lets each service publish the state of everything again, as after a loss of the broker's data.
    pub(crate) async fn resync(&self) {
        self.pause(6_000).await;
        let stream = &self.fleet.stream;
        // A resync may fail half way, which changes nothing for the others.
        let tickets = self.fleet.any(&self.fleet.tickets);
        let emitted = tickets.ask(async |tickets| emit(&tickets.snapshot(), stream).await);
        let _ = emitted.await;
        let orders = self.fleet.any(&self.fleet.orders);
        let emitted = orders.ask(async |orders| emit(&orders.snapshot(), stream).await);
        let _ = emitted.await;
        let payments = self.fleet.any(&self.fleet.payments);
        let emitted = payments.ask(async |payments| emit(&payments.snapshot(), stream).await);
        let _ = emitted.await;
    }

    /// Orders the ticket at the price on its page, and repeats the request if there is no response.
    async fn place(&self, ticket: Id<kind::Ticket>) -> Option<OrderView> {
        let shown = self.shown_price(ticket);
        for _ in 0..TRIES {
            let before = self.unpaid_order(ticket, &self.fleet.data.orders.replicated("orders"));
            let replica = self.fleet.any(&self.fleet.orders);
            let placed =
                replica.ask(async |orders| orders.place(self.session.clone(), ticket, shown).await);
            match placed.await {
                Some(Ok(order)) => {
                    self.placed(&order, ticket, shown);
                    return Some(order);
                }
                Some(Err(unavailable @ ApiError::Unavailable(_))) => {
                    self.refused(&unavailable);
                    self.pause(500).await;
                }
                None => self.pause(500).await,
                Some(Err(refused)) => {
                    self.refused(&refused);
                    let after = self.fleet.data.orders.documents("orders");
                    if before.is_some()
                        && refused.to_string() == ALREADY_RESERVED
                        && before == self.unpaid_order(ticket, &after)
                    {
                        self.fleet
                            .error(format!("{before:?} is refused to its own buyer"));
                    }
                    return None;
                }
            }
        }
        None
    }

    fn placed(&self, order: &OrderView, ticket: Id<kind::Ticket>, shown: Option<Price>) {
        self.fleet.world.note(|| format!("placed: {order:?}"));
        if shown.is_some_and(|shown| shown != order.ticket.price) {
            self.fleet
                .error(format!("{order:?} was shown at {shown:?}"));
        }
        self.fleet.acknowledge(Acknowledged::OrderPlaced {
            order: order.id,
            ticket,
            buyer: self.session.id,
            price: order.ticket.price,
            expires_at: order.expires_at,
        });
    }

    /// The price on the ticket's page.
    fn shown_price(&self, ticket: Id<kind::Ticket>) -> Option<Price> {
        let tickets = self.fleet.data.tickets.replicated("tickets");
        let id = object_id(ticket);
        let mut found = tickets.iter();
        let found = found.find(|found| found.get_object_id("_id").ok() == Some(id))?;
        Price::from_cents(found.get_i64("price_cents").ok()?).ok()
    }

    /// This shopper's own order of the ticket that can still be paid, if there is one among these.
    fn unpaid_order(&self, ticket: Id<kind::Ticket>, orders: &[Document]) -> Option<ObjectId> {
        let (buyer, ticket) = (object_id(self.session.id), object_id(ticket));
        let now = self.fleet.clock.now();
        let is_own = |order: &&Document| {
            let of = order.get_document("ticket").ok();
            let status = order.get_str("status").ok();
            let status = status.and_then(|status| status.parse::<OrderStatus>().ok());
            let ends = order.get_datetime("expires_at").ok();
            order.get_object_id("user_id").ok() == Some(buyer)
                && of.and_then(|of| of.get_object_id("id").ok()) == Some(ticket)
                && status.is_some_and(OrderStatus::is_active)
                && ends.is_some_and(|ends| from_date_time(*ends) > now)
        };
        orders.iter().find(is_own)?.get_object_id("_id").ok()
    }

    async fn cancel(&self, order: Id<kind::Order>) {
        let cancelled = self.ask(&self.fleet.orders, async |orders| {
            orders.cancel(self.session.clone(), order).await
        });
        if cancelled.await.is_some() {
            self.fleet.world.note(|| format!("cancelled: {order}"));
            self.fleet
                .acknowledge(Acknowledged::OrderCancelled { order });
        }
    }

    /// Pays the order, and repeats the request if there is no response.
    async fn pay(&self, order: Id<kind::Order>, card: &str) {
        for _ in 0..TRIES {
            let replica = self.fleet.any(&self.fleet.payments);
            let paid = replica
                .ask(async |payments| payments.pay(self.session.clone(), order, card).await)
                .await;
            match paid {
                Some(Ok(paid)) => {
                    self.fleet.world.note(|| format!("paid: {order}"));
                    let payment = paid.id;
                    self.fleet
                        .acknowledge(Acknowledged::Paid { order, payment });
                    return;
                }
                None => self.pause(500).await,
                Some(Err(unavailable @ ApiError::Unavailable(_))) => {
                    self.refused(&unavailable);
                    self.pause(500).await;
                }
                Some(Err(refused)) => return self.refused(&refused),
            }
        }
    }

    /// A replica's successful response; none if it does not respond or refuses.
    async fn ask<S: Service, T>(
        &self,
        replicas: &[Replica<S>],
        ask: impl AsyncFnOnce(S) -> Result<T, ApiError>,
    ) -> Option<T> {
        match self.fleet.any(replicas).ask(ask).await? {
            Ok(answer) => Some(answer),
            Err(refused) => {
                self.refused(&refused);
                None
            }
        }
    }

    fn refused(&self, refused: &ApiError) {
        self.fleet.world.note(|| format!("refused: {refused}"));
        match refused {
            ApiError::Internal(error) => self.fleet.error(format!("500 to a shopper: {error}")),
            ApiError::Unavailable(error) if is_contended(error.as_ref()) => {
                self.fleet.error(format!("503 to a shopper: {error}"));
            }
            _ => {}
        }
    }

    async fn pause(&self, longest: u64) {
        sleep(Duration::from_millis(self.fleet.world.below(longest))).await;
    }
}

/// Whether the operation lost against other writers each time. A healthy database must complete every change.
pub(crate) fn is_contended(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let of_store = error.downcast_ref::<StoreError>();
    of_store.is_some_and(StoreError::is_contended)
}
