//! `GET /orders`

use axum::extract::Query;
use axum::response::Response;

use super::my_tickets::{Place, next_page};
use crate::page::{Page, Visit};
use crate::view::{self, Section};

/// The shopper's orders.
pub(super) async fn list(visit: Visit, Query(place): Query<Place>) -> Response {
    let query = place.query();
    let (visitor, found) = tokio::join!(visit.visitor(), visit.api.orders(&query));
    match found {
        Ok(found) => {
            let next = next_page("/orders", found.after.as_deref());
            let page = Page::new("Orders").of(Section::Orders);
            visit.page(&visitor, page, || view::orders(&found.items, next))
        }
        Err(failure) => visit.failed(&visitor, &failure),
    }
}
