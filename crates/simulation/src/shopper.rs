//! Shoppers and sellers: what they want, in what order, and how they take a missing answer.

use std::error::Error;
use std::time::Duration;

use bson::Document;
use bson::oid::ObjectId;
use common::api::auth::SessionView;
use common::api::orders::OrderView;
use common::api::tickets::TicketDetails;
use common::id::kind;
use common::{Id, OrderStatus, Price};
use messaging::resync::emit;
use mongo::{StoreError, from_date_time, new_id, object_id};
use tokio::time::sleep;
use web::ApiError;
use web::NewId;

use crate::fleet::Fleet;
use crate::replica::{Replica, Service};

const GOOD_CARD: &str = "tok_visa";
const BAD_CARD: &str = "tok_chargeDeclined";

/// How often a shopper asks again who got no answer.
const PATIENCE: usize = 4;

/// How often in a hundred a shopper clicks twice.
const DOUBLE_CLICK: u64 = 15;

const ALREADY_RESERVED: &str = "Ticket is already reserved";

/// Somebody with an account.
#[derive(Clone)]
pub(crate) struct Shopper {
    fleet: Fleet,
    session: SessionView,
}

impl Shopper {
    /// Somebody new.
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

    /// A price; now and then one of an earlier release, which is less than Stripe charges.
    fn cents(&self) -> u64 {
        let world = &self.fleet.world;
        if world.percent(8) {
            world.below(49) + 1
        } else {
            world.below(5_000) + 100
        }
    }

    /// Puts a ticket up for sale: insists under the same key until it is, or tries again without one.
    pub(crate) async fn sell(&self) -> Id<kind::Ticket> {
        let wish = details(self.cents());
        let key = self.fleet.world.percent(70).then(new_id);
        self.fleet.books.borrow_mut().for_sale += 1;
        loop {
            let sold = self.ask(&self.fleet.tickets, async |tickets| {
                let id = key.map_or_else(NewId::fresh, NewId::repeated);
                tickets.sell(self.session.clone(), id, wish.clone()).await
            });
            if let Some(ticket) = sold.await {
                self.fleet.books.borrow_mut().sold.push(ticket.id);
                return ticket.id;
            }
            if key.is_none() {
                self.fleet.books.borrow_mut().perhaps_for_sale += 1;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Changes a ticket's price, fewer times than this, with pauses of up to `longest` milliseconds.
    pub(crate) async fn edit(&self, ticket: Id<kind::Ticket>, times: u64, longest: u64) {
        for _ in 0..self.fleet.world.below(times) {
            self.pause(longest).await;
            let cents = self.cents();
            let edited = self.ask(&self.fleet.tickets, async |tickets| {
                let session = self.session.clone();
                tickets.edit(session, ticket, details(cents)).await
            });
            if let Some(edited) = edited.await {
                let price = i64::try_from(cents).expect("a small price");
                let mut books = self.fleet.books.borrow_mut();
                books.edited.push((ticket, edited.version, price));
            }
        }
    }

    /// Takes a ticket off sale, unless it is reserved at that moment.
    pub(crate) async fn withdraw(&self, ticket: Id<kind::Ticket>) {
        self.pause(5_000).await;
        let withdrawn = self.ask(&self.fleet.tickets, async |tickets| {
            tickets.withdraw(self.session.clone(), ticket).await
        });
        if withdrawn.await.is_some() {
            self.fleet.world.note(|| format!("withdrawn: {ticket}"));
            self.fleet.books.borrow_mut().withdrawn.push(ticket);
        }
    }

    /// Wants one of these tickets within so many milliseconds, and then whatever comes to mind.
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
            0..=2 => self.insist_on_paying(order.id, GOOD_CARD).await,
            3 => {
                let again = self.insist_on_paying(order.id, GOOD_CARD);
                tokio::join!(self.insist_on_paying(order.id, GOOD_CARD), again);
            }
            4 => {
                self.insist_on_paying(order.id, BAD_CARD).await;
                self.insist_on_paying(order.id, GOOD_CARD).await;
            }
            5 => self.cancel(order.id).await,
            6 | 7 => {
                let pay = self.insist_on_paying(order.id, GOOD_CARD);
                tokio::join!(pay, self.cancel(order.id));
            }
            8 => {
                let left = order.expires_at.since(self.fleet.clock.now());
                sleep(left.saturating_sub(Duration::from_millis(300))).await;
                self.pause(400).await;
                self.insist_on_paying(order.id, GOOD_CARD).await;
            }
            _ => {}
        }
    }

    /// Lets a service tell of everything once more, as after the broker lost its data.
    pub(crate) async fn resync(&self) {
        self.pause(6_000).await;
        let stream = &self.fleet.stream;
        // Whether it got to the end of it is for the next time.
        let tickets = self.fleet.any(&self.fleet.tickets);
        let told = tickets.ask(async |tickets| emit(&tickets.snapshot(), stream).await);
        let _ = told.await;
        let orders = self.fleet.any(&self.fleet.orders);
        let told = orders.ask(async |orders| emit(&orders.snapshot(), stream).await);
        let _ = told.await;
        let payments = self.fleet.any(&self.fleet.payments);
        let told = payments.ask(async |payments| emit(&payments.snapshot(), stream).await);
        let _ = told.await;
    }

    /// Orders the ticket at the price that its page shows, and asks again if there is no answer.
    async fn place(&self, ticket: Id<kind::Ticket>) -> Option<OrderView> {
        let shown = self.shown_price(ticket);
        for _ in 0..PATIENCE {
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
                        self.scandal(format!("{before:?} is refused to its own buyer"));
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
            self.scandal(format!("{order:?} was shown at {shown:?}"));
        }
        let mut books = self.fleet.books.borrow_mut();
        books.placed.push((order.id, ticket));
    }

    /// What the ticket's page says.
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
            self.fleet.books.borrow_mut().cancelled.push(order);
        }
    }

    async fn insist_on_paying(&self, order: Id<kind::Order>, card: &str) {
        for _ in 0..PATIENCE {
            let replica = self.fleet.any(&self.fleet.payments);
            let paid = replica
                .ask(async |payments| payments.pay(self.session.clone(), order, card).await)
                .await;
            match paid {
                Some(Ok(paid)) => {
                    self.fleet.world.note(|| format!("paid: {order}"));
                    self.fleet.books.borrow_mut().paid.push((order, paid.id));
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

    /// What a replica answers; none if it does not, or refuses.
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
            ApiError::Internal(error) => self.scandal(format!("500 to a shopper: {error}")),
            ApiError::Unavailable(error) if is_contended(error.as_ref()) => {
                self.scandal(format!("503 to a shopper: {error}"));
            }
            _ => {}
        }
    }

    fn scandal(&self, words: String) {
        self.fleet.books.borrow_mut().scandals.push(words);
    }

    async fn pause(&self, longest: u64) {
        sleep(Duration::from_millis(self.fleet.world.below(longest))).await;
    }
}

/// Whether it failed since others were faster each time: a database that works must bring every change to its end.
pub(crate) fn is_contended(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let of_store = error.downcast_ref::<StoreError>();
    of_store.is_some_and(StoreError::is_contended)
}

fn details(cents: u64) -> TicketDetails {
    let cents = i64::try_from(cents).expect("a small price");
    TicketDetails {
        title: "Front row".parse().expect("a title"),
        price: Price::from_cents(cents).expect("a price"),
        version: None,
    }
}
