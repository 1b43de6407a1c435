//! `GET /orders`

use axum::extract::Query;
use axum::response::Response;

use super::my_tickets::{Cursor, next_page};
use crate::page::{Page, Visit};
use crate::view::{self, Section};

pub(super) async fn list(visit: Visit, Query(cursor): Query<Cursor>) -> Response {
    let query = cursor.query();
    let (visitor, found) = tokio::join!(visit.visitor(), visit.api.orders(&query));
    match found {
        Ok(found) => {
            let next = next_page("/orders", found.after.as_deref());
            let page = Page::new("Orders").section(Section::Orders);
            visit.page(&visitor, page, || view::orders(&found.items, next))
        }
        Err(failure) => visit.failed(&visitor, &failure),
    }
}
