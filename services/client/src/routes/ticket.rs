//! `/tickets/{id}`: a ticket, and its seller's form.

use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use common::Id;
use common::api::tickets::TicketView;
use common::id::kind;
use serde::Deserialize;

use super::new_ticket::{Typed, saved};
use crate::api::Failure;
use crate::islands::dollars;
use crate::page::{Page, Visit, Visitor, sign_in_url};
use crate::view::{self, Offer, TicketForm, Viewer};

/// How somebody came here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Arrival {
    saved: Option<String>,
}

/// The ticket.
pub(super) async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Query(arrival): Query<Arrival>,
) -> Response {
    let Ok(id) = id.parse() else {
        return visit.not_found(&visit.visitor().await);
    };
    let saved = arrival.saved.is_some();
    Said {
        saved,
        ..Said::default()
    }
    .page(&visit, id)
    .await
}

/// Changes the ticket.
pub(super) async fn update(
    visit: Visit,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Response {
    let Ok(id) = id.parse() else {
        return visit.not_found(&visit.visitor().await);
    };
    match visit.api.update_ticket(id, &typed.body()).await {
        Ok(answer) => saved(answer),
        Err(Failure::Refused { errors, status }) if status == StatusCode::BAD_REQUEST => {
            let edit = Some(typed.again(errors));
            Said {
                edit,
                ..Said::default()
            }
            .page(&visit, id)
            .await
        }
        Err(failure) => visit.failed(&visit.visitor().await, &failure),
    }
}

/// What the page says beside the ticket.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// That it was saved.
    pub(super) saved: bool,
    /// The seller's form as it was sent, and what was wrong with it.
    pub(super) edit: Option<TicketForm>,
    /// Why it could not be bought or withdrawn.
    pub(super) refusal: Option<String>,
}

impl Said {
    /// The ticket's page.
    pub(super) async fn page(self, visit: &Visit, id: Id<kind::Ticket>) -> Response {
        let (visitor, found, own_order) =
            tokio::join!(visit.visitor(), visit.api.ticket(id), own_order(visit, id));
        let (ticket, place) = match found {
            Ok(answer) => (answer.body, answer.place),
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
            .described(format!(
                "{title} for {price}. Reserve it, pay by card, and it is yours."
            ))
            .public_at(path.clone())
            .alive();
        let offer = Offer {
            edit: self.edit.unwrap_or_else(|| TicketForm::of(&ticket)),
            ticket,
            place,
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

/// The visitor's latest order of this ticket, among their latest. Without an answer the page does without.
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

/// Who looks at the ticket.
pub(super) fn viewer(visitor: &Visitor, ticket: &TicketView) -> Viewer {
    match visitor.session() {
        None => Viewer::Anonymous,
        Some(session) if session.id == ticket.user_id => Viewer::Seller,
        Some(_) => Viewer::Shopper,
    }
}
