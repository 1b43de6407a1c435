//! `/tickets/{id}/buy`

use axum::Form;
use axum::extract::Path;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use common::api::orders::OrderBody;
use common::id::kind;
use common::{FieldError, Id, Price};
use serde::Deserialize;

use super::ticket::TicketPage;
use crate::api::{Failure, FormToken};
use crate::page::{Visit, Visitor, redirect, sign_in_url};

/// A reload after a refused purchase.
pub(super) async fn back(Path(id): Path<String>) -> Redirect {
    let ticket: Option<Id<kind::Ticket>> = id.parse().ok();
    Redirect::to(&ticket.map_or_else(|| "/".to_owned(), |id| format!("/tickets/{id}")))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BuyForm {
    /// The price on the page, in cents.
    price: Option<i64>,
    once: FormToken,
}

/// Reserves the ticket at the displayed price and redirects to the order.
pub(super) async fn buy(
    visit: Visit,
    Path(id): Path<String>,
    form: Result<Form<BuyForm>, FormRejection>,
) -> Response {
    let Ok(id) = id.parse::<Id<kind::Ticket>>() else {
        return visit.not_found(&visit.visitor().await);
    };
    // Programs may send the request without a form.
    let BuyForm { price, once } = form.map(|Form(form)| form).unwrap_or_default();
    let price = price.and_then(|cents| Price::from_cents(cents).ok());
    let body = OrderBody {
        ticket_id: Some(id.to_string()),
        price: price.and_then(|price| serde_json::to_value(price).ok()),
    };
    match visit.api.place_order(&body, &once).await {
        Ok(order) => redirect(&format!("/orders/{}", order.id), Vec::new()),
        Err(failure) if failure.is_unauthorized() => {
            redirect(&sign_in_url(&format!("/tickets/{id}")), Vec::new())
        }
        Err(Failure::Refused { errors, status }) if status == StatusCode::BAD_REQUEST => {
            // This visitor has already reserved it, by a double click or in another window.
            if let Some(order) = own_active_order(&visit, id).await {
                return redirect(&format!("/orders/{order}"), Vec::new());
            }
            let refusal = errors.into_iter().next().map(explain);
            TicketPage::refused(refusal).show(&visit, id).await
        }
        Err(failure) => visit.failed(&Visitor::Unknown, &failure),
    }
}

/// The refusal in the shopper's words.
fn explain(error: FieldError) -> String {
    match error.field.as_deref() {
        Some("price") => "The seller has changed the price. This is the new one.".to_owned(),
        _ => error.message,
    }
}

async fn own_active_order(visit: &Visit, ticket: Id<kind::Ticket>) -> Option<Id<kind::Order>> {
    let orders = visit.api.orders(&[]).await.ok()?.items;
    let mut own = orders.into_iter().filter(|order| order.ticket.id == ticket);
    own.find(|order| order.status.is_active())
        .map(|order| order.id)
}
