//! The bodies of events: the public state of each entity.

use serde::{Deserialize, Deserializer, Serialize};

use crate::id::kind;
use crate::{Id, OrderStatus, Price, Timestamp, Title};

/// A ticket, as the tickets service knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TicketState {
    /// The ticket's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Ticket>,
    /// Grows by one with every change.
    pub version: u64,
    /// What is for sale.
    pub title: Title,
    /// US dollars.
    pub price: Price,
    /// Who sells it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// The order that holds it, while one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::IdSchema>, nullable = false))]
    pub order_id: Option<Id<kind::Order>>,
    /// Whether its seller took it off sale. Then no order holds it, and none may.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
pub(crate) const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// An order, as the orders service knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderState {
    /// The order's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Order>,
    /// Grows by one with every change.
    pub version: u64,
    /// Where it stands.
    pub status: OrderStatus,
    /// Who ordered.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// What is ordered.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub ticket_id: Id<kind::Ticket>,
    /// US dollars to pay.
    pub price: Price,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// Why it was cancelled, if it was. Absent for `refunded`, which older consumers could not read, and if the seller
    /// withdrew the ticket.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "CancellationReason::if_known"
    )]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<CancellationReason>,
}

/// Why an order was cancelled. Whoever reads one must take a reason that is new to it for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CancellationReason {
    /// Its owner gave it up.
    Owner,
    /// It was not paid in time.
    Expired,
    /// It was paid, and all of the money went back at Stripe.
    Refunded,
}

impl CancellationReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Expired, Self::Refunded];

    /// The reason as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        }
    }

    /// Reads a reason; one that a later release adds counts as none.
    pub(crate) fn if_known<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Self>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let known =
            text.and_then(|text| Self::ALL.into_iter().find(|known| known.as_str() == text));
        Ok(known)
    }
}

/// A payment, as the payments service knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PaymentState {
    /// The payment's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Payment>,
    /// Grows by one with every change.
    pub version: u64,
    /// The order that was paid.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub order_id: Id<kind::Order>,
    /// Stripe's id of the charge.
    #[cfg_attr(feature = "openapi", schema(example = "ch_3MmlLrLkdIwHu7ix0snN0B15"))]
    pub charge_id: String,
    /// US dollars that were charged.
    pub price: Price,
    /// Stripe's id of the refund, once the money was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(nullable = false, example = "re_3MmlLrLkdIwHu7ix0BR7yAB4")
    )]
    pub refund_id: Option<String>,
}

/// An order's time that is over, as the expiration service knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExpirationState {
    /// The order whose time is over.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub order_id: Id<kind::Order>,
    /// When it was over.
    pub expires_at: Timestamp,
}
