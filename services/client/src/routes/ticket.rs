//! `/tickets/{id}`: the ticket, with a form for its seller.

use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use common::Id;
use common::api::tickets::TicketView;
use common::id::kind;
use serde::Deserialize;

use super::new_ticket::{TicketInput, redirect_to_saved};
use crate::api::Failure;
use crate::islands::dollars;
use crate::page::{Page, Visit, Visitor, sign_in_url};
use crate::view::{self, Offer, TicketForm, Viewer};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Notice {
    saved: Option<String>,
}

pub(super) async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Query(notice): Query<Notice>,
) -> Response {
    let Ok(id) = id.parse() else {
        return visit.not_found(&visit.visitor().await);
    };
    let page = TicketPage {
        saved: notice.saved.is_some(),
        ..TicketPage::default()
    };
    page.show(&visit, id).await
}

/// Changes the ticket.
pub(super) async fn update(
    visit: Visit,
    Path(id): Path<String>,
    Form(input): Form<TicketInput>,
) -> Response {
    let Ok(id) = id.parse() else {
        return visit.not_found(&visit.visitor().await);
    };
    match visit.api.update_ticket(id, &input.body()).await {
        Ok(answer) => redirect_to_saved(answer),
        Err(Failure::Refused { errors, status }) if status == StatusCode::BAD_REQUEST => {
            let page = TicketPage {
                edit: Some(input.with_errors(errors)),
                ..TicketPage::default()
            };
            page.show(&visit, id).await
        }
        Err(failure) => visit.failed(&visit.visitor().await, &failure),
    }
}

/// The ticket's page, after an action of the visitor.
#[derive(Debug, Default)]
pub(super) struct TicketPage {
    /// Whether the ticket was just saved.
    saved: bool,
    /// The seller's form with its errors, if saving was refused.
    edit: Option<TicketForm>,
    /// Why it could not be bought or withdrawn.
    refusal: Option<String>,
}

impl TicketPage {
    pub(super) fn refused(refusal: Option<String>) -> Self {
        Self {
            refusal,
            ..Self::default()
        }
    }

    pub(super) async fn show(self, visit: &Visit, id: Id<kind::Ticket>) -> Response {
        let (visitor, found, own_order) =
            tokio::join!(visit.visitor(), visit.api.ticket(id), own_order(visit, id));
        let (ticket, last_event) = match found {
            Ok(answer) => (answer.body, answer.last_event),
            Err(failure) => return visit.failed(&visitor, &failure),
        };
        let viewer = viewer(&visitor, &ticket);
        let status = if self.edit.is_some() || self.refusal.is_some() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        let path = format!("/tickets/{}", ticket.id);
        let (title, price) = (&ticket.title, dollars(ticket.price.cents()));
        let page = Page::new(title.to_string())
            .status(status)
            .description(format!(
                "{title} for {price}. Reserve it, pay by card, and it is yours."
            ))
            .canonical(path.clone())
            .with_islands();
        let offer = Offer {
            edit: self.edit.unwrap_or_else(|| TicketForm::of(&ticket)),
            ticket,
            last_event,
            viewer,
            own_order,
            sign_in: sign_in_url(&path),
            hold: visit.shop.hold(),
            saved: self.saved,
            refusal: self.refusal,
        };
        visit.page(&visitor, page, || view::ticket(offer))
    }
}

/// The visitor's latest order of this ticket, if it is among their latest orders. The page works without it.
async fn own_order(visit: &Visit, ticket: Id<kind::Ticket>) -> Option<String> {
    if !visit.api.has_session() {
        return None;
    }
    let orders = visit.api.orders(&[]).await.ok()?;
    let own = orders
        .items
        .into_iter()
        .find(|order| order.ticket.id == ticket)?;
    Some(own.id.to_string())
}

/// The visitor's relation to the ticket.
pub(super) fn viewer(visitor: &Visitor, ticket: &TicketView) -> Viewer {
    match visitor.session() {
        None => Viewer::Anonymous,
        Some(session) if session.id == ticket.user_id => Viewer::Seller,
        Some(_) => Viewer::Shopper,
    }
}
