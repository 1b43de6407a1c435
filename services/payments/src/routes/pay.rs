//! `POST /api/payments`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::ErrorBody;
use common::api::payments::{PayOrder, PaymentBody, PaymentView};
use common::id::kind;
use web::replica_waits::ReplicaWaits;
use web::{ApiError, Authorized, NewId};

use crate::domain::{CardToken, PayRefusal};
use crate::settlement::{PayFailure, Settlement};
use crate::store::OrderStore;

/// Pays an order with a card.
///
/// An order is charged once, however often the request is sent. After a 503 it is not known whether the card was
/// charged. Repeating the request is safe and returns the result.
#[utoipa::path(
    post, path = "/api/payments", tag = "payments", request_body = PaymentBody,
    security(("session" = [])),
    responses(
        (status = 201, description = "Paid", body = PaymentView),
        (status = 400, description = "Token or order id is missing, the order is cancelled or paid already, or \
            the card was declined, with what the buyer can do about it", body = ErrorBody,
            example = json!({"errors": [{"message": "Your bank declined this card. Nothing was charged; please use another card."}]})),
        (status = 401, description = "Not signed in, or not the buyer", body = ErrorBody),
        (status = 404, description = "There is no such order", body = ErrorBody),
        (status = 503, description = "Stripe gave no clear answer yet; repeat the request", body = ErrorBody),
    )
)]
pub(crate) async fn pay(
    State(orders): State<OrderStore>,
    State(waits): State<ReplicaWaits>,
    State(settlement): State<Settlement>,
    request: NewId<kind::Payment>,
    Authorized { user, input }: Authorized<PayOrder>,
) -> Result<(StatusCode, Json<PaymentView>), ApiError> {
    let id = input.order_id.ok_or(ApiError::NotFound)?;
    let order = waits.find(id, async || orders.find(id).await).await?;
    order.check_buyer(user.id)?;
    let id = match settlement
        .pay(order.id(), CardToken::new(input.token))
        .await
    {
        // The buyer repeats a request whose answer was lost. An order has only one payment, so this is it.
        Err(PayFailure::Refused(PayRefusal::AlreadyPaid)) if request.is_repeated() => {
            let payment = settlement.payment_of(order.id()).await?;
            payment.ok_or(PayRefusal::AlreadyPaid)?
        }
        paid => paid?,
    };
    Ok((StatusCode::CREATED, Json(PaymentView { id })))
}
