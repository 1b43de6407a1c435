//! The bodies of events: the public state of each entity.

use serde::{Deserialize, Deserializer, Serialize};

use crate::id::kind;
use crate::{Id, OrderStatus, Price, Timestamp, Title};

/// The state of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TicketState {
    /// The ticket's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Ticket>,
    /// The version, which grows by one with every change.
    pub version: u64,
    /// The title.
    pub title: Title,
    /// The price in US dollars.
    pub price: Price,
    /// The user who sells the ticket.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// The order that holds the ticket; absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::IdSchema>, nullable = false))]
    pub order_id: Option<Id<kind::Order>>,
    /// Whether the seller took the ticket off sale. Then no order holds it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(crate) const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The state of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderState {
    /// The order's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Order>,
    /// The version, which grows by one with every change.
    pub version: u64,
    /// The status.
    pub status: OrderStatus,
    /// The user who ordered.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// The ordered ticket.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub ticket_id: Id<kind::Ticket>,
    /// The price to pay, in US dollars.
    pub price: Price,
    /// When the order expires unless it is paid.
    pub expires_at: Timestamp,
    /// Why the order was cancelled. Absent if it was refunded, since older consumers cannot read that reason, and if
    /// the seller withdrew the ticket.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "CancellationReason::if_known"
    )]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<CancellationReason>,
}

/// Why an order was cancelled. A consumer must treat an unknown reason as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CancellationReason {
    /// The buyer cancelled it.
    Owner,
    /// It was not paid in time.
    Expired,
    /// Its payment was refunded or lost to a dispute.
    Refunded,
}

impl CancellationReason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Expired, Self::Refunded];

    /// The reason as written in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        }
    }

    /// Reads a reason; an unknown one, which a later release may add, counts as absent.
    pub(crate) fn if_known<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Self>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let known =
            text.and_then(|text| Self::ALL.into_iter().find(|known| known.as_str() == text));
        Ok(known)
    }
}

/// The state of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PaymentState {
    /// The payment's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Payment>,
    /// The version, which grows by one with every change.
    pub version: u64,
    /// The paid order.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub order_id: Id<kind::Order>,
    /// Stripe's id of the charge.
    #[cfg_attr(feature = "openapi", schema(example = "ch_3MmlLrLkdIwHu7ix0snN0B15"))]
    pub charge_id: String,
    /// The charged amount, in US dollars.
    pub price: Price,
    /// Stripe's id of the refund, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(nullable = false, example = "re_3MmlLrLkdIwHu7ix0BR7yAB4")
    )]
    pub refund_id: Option<String>,
}

/// The expiration of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExpirationState {
    /// The order.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub order_id: Id<kind::Order>,
    /// When the time to pay was over.
    pub expires_at: Timestamp,
}
