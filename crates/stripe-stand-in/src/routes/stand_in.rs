//! What is the stand-in's own: its ledger, its faults, where its webhooks go, and what people do in the dashboard or at
//! a bank.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::books::Ledger;
use crate::faults::Fault;
use crate::pipeline::Shared;
use crate::refusal::Refusal;
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

/// A refund in the dashboard: of so many cents, or of all that is left.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    payment_intent: String,
    amount: Option<i64>,
}

/// A dispute about what is left of a charge.
#[derive(Debug, Deserialize)]
pub(super) struct Dispute {
    payment_intent: String,
}

/// How the bank decided.
#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    won: bool,
}

pub(super) async fn refund(State(shared): Stand, Json(wanted): Json<Refund>) -> Response {
    answer(shared.refund_by_hand(&wanted.payment_intent, wanted.amount))
}

pub(super) async fn open_dispute(State(shared): Stand, Json(wanted): Json<Dispute>) -> Response {
    answer(shared.open_dispute(&wanted.payment_intent))
}

pub(super) async fn close_dispute(
    State(shared): Stand,
    Path(id): Path<String>,
    Json(decision): Json<Decision>,
) -> Response {
    answer(shared.close_dispute(&id, decision.won).map(|()| id))
}

fn answer(done: Result<String, Refusal>) -> Response {
    match done {
        Ok(id) => Json(json!({ "id": id })).into_response(),
        Err(refusal) => (refusal.status(), Json(refusal.body())).into_response(),
    }
}
