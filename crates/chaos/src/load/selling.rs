//! Selling: creating, editing and withdrawing tickets.

use common::api::tickets::TicketView;
use common::id::kind;
use common::{Id, Price};
use serde_json::json;

use super::Operation;
use super::customer::Customer;
use super::shop::Offer;
use crate::history::Acknowledged;

/// A ticket of the customer.
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
    /// Creates a ticket.
    pub(super) async fn sell(&self, title: &str, price: Price) -> Option<OwnTicket> {
        let body = json!({ "title": title, "price": price });
        let response = self
            .request(Operation::Sell, "/api/tickets", Some(&body))
            .await?;
        let view: TicketView = self.read_if(Operation::Sell, 201, &response.answer)?;
        if view.title.as_str() != title || view.price != price {
            let message = format!("a different ticket was created: {}", response.answer.text);
            self.report_breach(
                Operation::Sell,
                vec![format!("ticket {}", view.id)],
                message,
            );
        }
        self.shop.history.add(Acknowledged::TicketCreated {
            ticket: view.id,
            seller: view.user_id,
            title: title.to_owned(),
            price,
        });
        Some(own(&view))
    }

    /// Changes the title and price; none if that is refused, or if there is no clear response.
    pub(super) async fn edit(
        &self,
        ticket: OwnTicket,
        (title, price): (&str, Price),
        sends_version: bool,
    ) -> Option<OwnTicket> {
        let mut body = json!({ "title": title, "price": price });
        if sends_version {
            body["version"] = ticket.version.into();
        }
        let path = format!("/api/tickets/{}", ticket.ticket);
        let response = self.request(Operation::Edit, &path, Some(&body)).await?;
        let view: TicketView = self.read_if(Operation::Edit, 200, &response.answer)?;
        if view.title.as_str() != title || view.price != price || view.version <= ticket.version {
            let message = format!("a different edit was made: {}", response.answer.text);
            self.report_breach(
                Operation::Edit,
                vec![format!("ticket {}", view.id)],
                message,
            );
        }
        self.shop.history.add(Acknowledged::TicketEdited {
            ticket: view.id,
            version: view.version,
            title: title.to_owned(),
            price,
        });
        Some(own(&view))
    }

    /// Withdraws a ticket, unless it is reserved.
    pub(super) async fn withdraw(&self, ticket: Id<kind::Ticket>) {
        let path = format!("/api/tickets/{ticket}");
        let Some(response) = self.request(Operation::Withdraw, &path, None).await else {
            return;
        };
        if response.answer.status == 204 {
            self.shop
                .history
                .add(Acknowledged::TicketWithdrawn { ticket });
        } else {
            let messages = ["Cannot withdraw a reserved ticket"];
            self.expect_message(Operation::Withdraw, ticket, &response, &messages);
        }
    }

    /// The present ticket.
    pub(super) async fn show_ticket(&self, ticket: Id<kind::Ticket>) -> Option<OwnTicket> {
        let path = format!("/api/tickets/{ticket}");
        let response = self.request(Operation::Browse, &path, None).await?;
        let view: TicketView = self.read_if(Operation::Browse, 200, &response.answer)?;
        Some(own(&view))
    }
}

fn own(view: &TicketView) -> OwnTicket {
    OwnTicket {
        ticket: view.id,
        version: view.version,
    }
}
