//! `GET /orders/{id}`

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use common::Id;
use common::id::kind;

use crate::page::{Page, Visit};
use crate::view::{self, Desk, Section};

pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    match id.parse() {
        Ok(id) => page(&visit, id, None).await,
        Err(_) => visit.not_found(&visit.visitor().await),
    }
}

/// The order's page. `refusal` is the reason why a cancellation was refused.
pub(super) async fn page(visit: &Visit, id: Id<kind::Order>, refusal: Option<String>) -> Response {
    let (visitor, found) = tokio::join!(visit.visitor(), visit.api.order(id));
    let order = match found {
        Ok(order) => order,
        Err(failure) => return visit.failed(&visitor, &failure),
    };
    let status = match refusal {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let page = Page::new(format!("Order: {}", order.ticket.title))
        .status(status)
        .section(Section::Orders);
    let page = if order.status.is_active() {
        page.with_islands().with_card_form()
    } else {
        page
    };
    let desk = Desk {
        deadline: time_of_day(&order.expires_at.to_string()),
        now: visit.shop.clock.now().milliseconds(),
        stripe_key: visit.shop.stripe.publishable_key.clone(),
        order,
        refusal,
    };
    visit.page(&visitor, page, || view::order(desk))
}

/// Hours and minutes of an RFC 3339 time in UTC.
fn time_of_day(time: &str) -> String {
    let minutes = time.split_once('T').and_then(|(_, time)| time.get(..5));
    format!("{} UTC", minutes.unwrap_or(time))
}
