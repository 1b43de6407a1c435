//! `/orders/{id}/cancel`

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use common::Id;
use common::id::kind;

use super::order;
use crate::api::Failure;
use crate::page::{Visit, redirect};

/// A reload after a refused cancellation.
pub(super) async fn back(Path(id): Path<String>) -> Redirect {
    let order: Option<Id<kind::Order>> = id.parse().ok();
    Redirect::to(&order.map_or_else(|| "/orders".to_owned(), |id| format!("/orders/{id}")))
}

/// Cancels the order and shows it.
pub(super) async fn cancel(visit: Visit, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<Id<kind::Order>>() else {
        return visit.not_found(&visit.visitor().await);
    };
    match visit.api.cancel_order(id).await {
        Ok(()) => redirect(&format!("/orders/{id}"), Vec::new()),
        Err(Failure::Refused { errors, status }) if status == StatusCode::BAD_REQUEST => {
            let refusal = errors.into_iter().next().map(|error| error.message);
            order::page(&visit, id, refusal).await
        }
        Err(failure) => visit.failed(&visit.visitor().await, &failure),
    }
}
