//! What a seller does: create tickets, edit and withdraw them.

use std::time::Duration;

use audit::Acknowledged;
use common::api::tickets::{TicketDetails, TicketView};
use common::id::kind;
use common::{Id, Price};
use mongo::new_id;
use tokio::time::sleep;
use web::NewId;

use super::Shopper;

const TITLE: &str = "Front row";

impl Shopper {
    /// A price; sometimes one of an earlier release, which is below Stripe's minimum.
    fn price(&self) -> Price {
        let world = &self.fleet.world;
        let cents = if world.percent(8) {
            world.below(49) + 1
        } else {
            world.below(5_000) + 100
        };
        let cents = i64::try_from(cents).expect("a small price");
        Price::from_cents(cents).expect("a price")
    }

    /// Creates a ticket: repeats the request until it succeeds, with the same idempotency key or without one.
    pub(crate) async fn sell(&self) -> Id<kind::Ticket> {
        let price = self.price();
        let key = self.fleet.world.percent(70).then(new_id);
        self.fleet.record.borrow_mut().for_sale += 1;
        loop {
            let sold = self.ask(&self.fleet.tickets, async |tickets| {
                let id = key.map_or_else(NewId::fresh, NewId::repeated);
                let session = self.session.clone();
                tickets.sell(session, id, details(price)).await
            });
            if let Some(TicketView { id: ticket, .. }) = sold.await {
                self.fleet.acknowledge(Acknowledged::TicketCreated {
                    ticket,
                    seller: self.session.id,
                    title: TITLE.to_owned(),
                    price,
                });
                return ticket;
            }
            if key.is_none() {
                self.fleet.record.borrow_mut().maybe_for_sale += 1;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Changes a ticket's price fewer than `times` times, with pauses of up to `longest` milliseconds.
    pub(crate) async fn edit(&self, ticket: Id<kind::Ticket>, times: u64, longest: u64) {
        for _ in 0..self.fleet.world.below(times) {
            self.pause(longest).await;
            let price = self.price();
            let edited = self.ask(&self.fleet.tickets, async |tickets| {
                let session = self.session.clone();
                tickets.edit(session, ticket, details(price)).await
            });
            if let Some(TicketView { version, .. }) = edited.await {
                self.fleet.acknowledge(Acknowledged::TicketEdited {
                    ticket,
                    version,
                    title: TITLE.to_owned(),
                    price,
                });
            }
        }
    }

    /// Withdraws a ticket, unless it is reserved at that time.
    pub(crate) async fn withdraw(&self, ticket: Id<kind::Ticket>) {
        self.pause(5_000).await;
        let withdrawn = self.ask(&self.fleet.tickets, async |tickets| {
            tickets.withdraw(self.session.clone(), ticket).await
        });
        if withdrawn.await.is_some() {
            self.fleet.world.note(|| format!("withdrawn: {ticket}"));
            self.fleet
                .acknowledge(Acknowledged::TicketWithdrawn { ticket });
        }
    }
}

fn details(price: Price) -> TicketDetails {
    TicketDetails {
        title: TITLE.parse().expect("a title"),
        price,
        version: None,
    }
}
