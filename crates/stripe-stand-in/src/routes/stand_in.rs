//! The stand-in's own endpoints: its ledger, its faults, its webhook, and what people do in the dashboard or at a bank.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::books::Ledger;
use crate::faults::Fault;
use crate::refusal::Refusal;
use crate::settings::Webhook;
use crate::state::Shared;

type SharedState = State<Arc<Shared>>;

pub(super) async fn healthz() -> &'static str {
    "ok"
}

pub(super) async fn ledger(State(shared): SharedState) -> Json<Ledger> {
    Json(shared.books().ledger())
}

pub(super) async fn inject(State(shared): SharedState, Json(fault): Json<Fault>) -> StatusCode {
    tracing::warn!(?fault, "fault injected");
    shared.faults.inject(fault);
    StatusCode::NO_CONTENT
}

pub(super) async fn waiting(State(shared): SharedState) -> Json<Vec<Fault>> {
    Json(shared.faults.waiting())
}

pub(super) async fn clear(State(shared): SharedState) -> StatusCode {
    shared.faults.clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn set_webhook(
    State(shared): SharedState,
    Json(webhook): Json<Webhook>,
) -> StatusCode {
    tracing::info!(url = webhook.url, "webhook set");
    shared.webhooks.set_target(Some(webhook));
    StatusCode::NO_CONTENT
}

pub(super) async fn unset_webhook(State(shared): SharedState) -> StatusCode {
    shared.webhooks.set_target(None);
    StatusCode::NO_CONTENT
}

/// A refund in the dashboard, of `amount` cents or of all that is left.
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

/// The bank's decision.
#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    won: bool,
}

pub(super) async fn refund(State(shared): SharedState, Json(refund): Json<Refund>) -> Response {
    answer(shared.refund_by_hand(&refund.payment_intent, refund.amount))
}

pub(super) async fn open_dispute(
    State(shared): SharedState,
    Json(dispute): Json<Dispute>,
) -> Response {
    answer(shared.open_dispute(&dispute.payment_intent))
}

pub(super) async fn close_dispute(
    State(shared): SharedState,
    Path(id): Path<String>,
    Json(decision): Json<Decision>,
) -> Response {
    answer(shared.close_dispute(&id, decision.won).map(|()| id))
}

fn answer(result: Result<String, Refusal>) -> Response {
    match result {
        Ok(id) => Json(json!({ "id": id })).into_response(),
        Err(refusal) => (refusal.status(), Json(refusal.body())).into_response(),
    }
}
