//! What is the stand-in's own: its ledger, its faults, and where its webhooks go.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::books::Ledger;
use crate::faults::Fault;
use crate::pipeline::Shared;
use crate::settings::Webhook;

type Stand = State<Arc<Shared>>;

pub(super) async fn healthz() -> &'static str {
    "ok"
}

pub(super) async fn ledger(State(shared): Stand) -> Json<Ledger> {
    Json(shared.books().ledger())
}

pub(super) async fn inject(State(shared): Stand, Json(fault): Json<Fault>) -> StatusCode {
    tracing::warn!(?fault, "fault injected");
    shared.faults.inject(fault);
    StatusCode::NO_CONTENT
}

pub(super) async fn waiting(State(shared): Stand) -> Json<Vec<Fault>> {
    Json(shared.faults.waiting())
}

pub(super) async fn clear(State(shared): Stand) -> StatusCode {
    shared.faults.clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn set_webhook(State(shared): Stand, Json(webhook): Json<Webhook>) -> StatusCode {
    tracing::info!(url = webhook.url, "webhook set");
    shared.courier.set_target(Some(webhook));
    StatusCode::NO_CONTENT
}

pub(super) async fn unset_webhook(State(shared): Stand) -> StatusCode {
    shared.courier.set_target(None);
    StatusCode::NO_CONTENT
}
