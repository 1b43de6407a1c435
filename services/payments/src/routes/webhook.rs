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

/// For Stripe only: an event about a payment intent or its charge. Repeating it is safe.
///
/// Events of kinds that the service does not use are answered 200, too, so that Stripe does not repeat them.
#[utoipa::path(
    post, path = "/api/payments/webhook", tag = "payments",
    request_body(content = String, content_type = "application/json", description = "A Stripe event"),
    params(("Stripe-Signature" = String, Header, description = "The signature of the body, at most five minutes old")),
    responses(
        (status = 200, description = "Received", body = Empty),
        (status = 400, description = "Signature missing, wrong or too old, or body unreadable", body = ErrorBody,
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
        } => settlement.record_charge(order, attempt, charge).await?,
        Notice::Reversed { intent } => settlement.record_reversal(&intent).await?,
        Notice::Other => {}
    }
    Ok(Json(Empty {}))
}
