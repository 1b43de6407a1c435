//! Selling, and changing one's mind about the price.

use common::api::tickets::TicketView;
use common::id::kind;
use common::{Id, Price};
use serde_json::json;

use super::Ask;
use super::customer::Customer;
use super::shop::Offer;
use crate::history::Acknowledged;

/// A ticket of one's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnTicket {
    pub(super) ticket: Id<kind::Ticket>,
    pub(super) version: u64,
}

impl OwnTicket {
    pub(super) const fn offer(self) -> Offer {
        Offer {
            ticket: self.ticket,
        }
    }
}

impl Customer {
    /// Puts a ticket up for sale.
    pub(super) async fn sell(&self, title: &str, price: Price) -> Option<OwnTicket> {
        let body = json!({ "title": title, "price": price });
        let said = self.insist(Ask::Sell, "/api/tickets", Some(&body)).await?;
        let view: TicketView = self.shown(Ask::Sell, 201, &said.answer)?;
        if view.title.as_str() != title || view.price != price {
            let words = format!("another ticket than was asked for: {}", said.answer.text);
            self.complain(Ask::Sell, vec![format!("ticket {}", view.id)], words);
        }
        self.shop.history.add(Acknowledged::TicketCreated {
            ticket: view.id,
            seller: view.user_id,
            title: title.to_owned(),
            price,
        });
        Some(own(&view))
    }

    /// Gives a ticket another title and price; none if it is reserved, was changed meanwhile, or nobody said.
    pub(super) async fn edit(
        &self,
        ticket: OwnTicket,
        (title, price): (&str, Price),
        says_version: bool,
    ) -> Option<OwnTicket> {
        let mut body = json!({ "title": title, "price": price });
        if says_version {
            body["version"] = ticket.version.into();
        }
        let path = format!("/api/tickets/{}", ticket.ticket);
        let said = self.insist(Ask::Edit, &path, Some(&body)).await?;
        let view: TicketView = self.shown(Ask::Edit, 200, &said.answer)?;
        if view.title.as_str() != title || view.price != price || view.version <= ticket.version {
            let words = format!("another edit than was asked for: {}", said.answer.text);
            self.complain(Ask::Edit, vec![format!("ticket {}", view.id)], words);
        }
        self.shop.history.add(Acknowledged::TicketEdited {
            ticket: view.id,
            version: view.version,
            title: title.to_owned(),
            price,
        });
        Some(own(&view))
    }

    /// Takes a ticket off sale, unless it is reserved.
    pub(super) async fn withdraw(&self, ticket: Id<kind::Ticket>) {
        let path = format!("/api/tickets/{ticket}");
        let Some(said) = self.insist(Ask::Withdraw, &path, None).await else {
            return;
        };
        if said.answer.status == 204 {
            self.shop
                .history
                .add(Acknowledged::TicketWithdrawn { ticket });
        } else {
            let words = ["Cannot withdraw a reserved ticket"];
            self.expect_words(Ask::Withdraw, ticket, &said, &words);
        }
    }

    /// The ticket as it is.
    pub(super) async fn look_at_ticket(&self, ticket: Id<kind::Ticket>) -> Option<OwnTicket> {
        let path = format!("/api/tickets/{ticket}");
        let said = self.insist(Ask::Look, &path, None).await?;
        let view: TicketView = self.shown(Ask::Look, 200, &said.answer)?;
        Some(own(&view))
    }
}

fn own(view: &TicketView) -> OwnTicket {
    OwnTicket {
        ticket: view.id,
        version: view.version,
    }
}
