//! Shoppers and sellers: what they want, in what order, and how they take a missing answer.

use std::time::Duration;

use common::api::auth::SessionView;
use common::api::orders::OrderView;
use common::api::tickets::TicketDetails;
use common::id::kind;
use common::{Id, Price};
use service::ApiError;
use service::messaging::resync::emit;
use service::mongo::new_id;
use tokio::time::sleep;

use crate::fleet::Fleet;
use crate::replica::{Replica, Service};

const GOOD_CARD: &str = "tok_visa";
const BAD_CARD: &str = "tok_chargeDeclined";

/// How often a shopper asks again who got no answer.
const PATIENCE: usize = 4;

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

    /// Puts a ticket up for sale, and insists until it is.
    pub(crate) async fn sell(&self) -> Id<kind::Ticket> {
        loop {
            let wish = details(self.fleet.world.below(5_000) + 100);
            let sold = self.ask(&self.fleet.tickets, async |tickets| {
                tickets.sell(self.session.clone(), wish).await
            });
            if let Some(ticket) = sold.await {
                self.fleet.books.borrow_mut().sold.push(ticket.id);
                return ticket.id;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Changes a ticket's price a few times.
    pub(crate) async fn edit(&self, ticket: Id<kind::Ticket>) {
        for _ in 0..self.fleet.world.below(3) {
            self.pause(4_000).await;
            let cents = self.fleet.world.below(5_000) + 100;
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

    /// Wants one of these tickets, and then whatever comes to mind.
    pub(crate) async fn shop(&self, tickets: &[Id<kind::Ticket>]) {
        self.pause(2_500).await;
        let chosen = self.fleet.world.below(tickets.len() as u64);
        let ticket = tickets[usize::try_from(chosen).expect("there are few")];
        let Some(order) = self.place(ticket).await else {
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

    async fn place(&self, ticket: Id<kind::Ticket>) -> Option<OrderView> {
        let placed = self.ask(&self.fleet.orders, async |orders| {
            orders.place(self.session.clone(), ticket).await
        });
        let order = placed.await?;
        self.fleet.world.note(|| format!("placed: {order:?}"));
        let mut books = self.fleet.books.borrow_mut();
        books.placed.push((order.id, ticket));
        drop(books);
        Some(order)
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
                None | Some(Err(ApiError::Unavailable(_))) => self.pause(500).await,
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
        if let ApiError::Internal(error) = refused {
            let scandal = format!("500 to a shopper: {error}");
            self.fleet.books.borrow_mut().scandals.push(scandal);
        }
    }

    async fn pause(&self, longest: u64) {
        sleep(Duration::from_millis(self.fleet.world.below(longest))).await;
    }
}

fn details(cents: u64) -> TicketDetails {
    let cents = i64::try_from(cents).expect("a small price");
    TicketDetails {
        title: "Front row".parse().expect("a title"),
        price: Price::from_cents(cents).expect("a price"),
        version: None,
    }
}
