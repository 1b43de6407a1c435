//! `/api/payments`: payments for orders.

use serde::{Deserialize, Serialize};

use crate::error::Faults;
use crate::id::kind;
use crate::{FieldError, Id, Input, lenient};

/// The body of a payment.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PaymentBody {
    /// The card's token from Stripe's card form.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, example = "tok_visa")
    )]
    pub token: Option<String>,
    /// The order to pay.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, example = "65f1c0ffee0123456789abcd")
    )]
    pub order_id: Option<String>,
}

/// A valid request for a payment. It has no `Debug`, since the token allows to charge the card once.
#[derive(Clone, PartialEq, Eq)]
pub struct PayOrder {
    /// The card's token, of 1 to [`PayOrder::MAX_TOKEN_BYTES`] bytes.
    pub token: String,
    /// The order; `None` if the id is malformed, so that no order has it.
    pub order_id: Option<Id<kind::Order>>,
}

impl PayOrder {
    /// The longest object id of Stripe, in bytes
    /// (<https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backwards-compatible>).
    pub const MAX_TOKEN_BYTES: usize = 255;
}

impl Input for PayOrder {
    type Body = PaymentBody;

    fn parse(body: PaymentBody) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let token = body
            .token
            .map(|text| text.trim().to_owned())
            .filter(|text| (1..=Self::MAX_TOKEN_BYTES).contains(&text.len()));
        let token = faults.check("token", token.ok_or("Token must be provided"));
        let order_id = body.order_id.filter(|text| !text.trim().is_empty());
        let order_id = faults.check("orderId", order_id.ok_or("OrderId must be provided"));
        let input = token.zip(order_id).map(|(token, order_id)| Self {
            token,
            order_id: order_id.parse().ok(),
        });
        faults.finish(input)
    }
}

/// A payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaymentView {
    /// The payment's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Payment>,
}
