//! `POST /api/payments/webhook`

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base::Clock;
use common::ErrorBody;
use common::api::auth::Empty;
use web::ApiError;

use crate::settlement::Settlement;
use crate::stripe::{Notice, Webhooks};

const SIGNATURE: &str = "stripe-signature";

/// For Stripe alone: what happened to a payment intent, or to its charge. Safe to be sent again.
///
/// Kinds of events that mean nothing to us are answered 200 as well, so that Stripe does not send them again.
#[utoipa::path(
    post, path = "/api/payments/webhook", tag = "payments",
    request_body(content = String, content_type = "application/json", description = "An event of Stripe's"),
    params(("Stripe-Signature" = String, Header, description = "Of the body, at most five minutes old")),
    responses(
        (status = 200, description = "Taken note of", body = Empty),
        (status = 400, description = "Not signed by Stripe just now, or unreadable", body = ErrorBody,
            example = json!({"errors": [{"message": "Webhook signature is missing or wrong"}]})),
    )
)]
pub(super) async fn webhook(
    State(webhooks): State<Webhooks>,
    State(settlement): State<Settlement>,
    State(clock): State<Clock>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Empty>, ApiError> {
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let notice = webhooks.read(&body, signature.unwrap_or_default(), clock.now())?;
    match notice {
        Notice::Paid {
            order,
            attempt,
            charge,
        } => settlement.paid(order, attempt, charge).await?,
        Notice::Reversed { intent } => settlement.reversed(&intent).await?,
        Notice::Other => {}
    }
    Ok(Json(Empty {}))
}
