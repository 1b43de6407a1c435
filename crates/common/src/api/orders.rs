//! `/api/orders`: orders for tickets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Faults;
use crate::id::kind;
use crate::{
    CancellationReason, FieldError, Id, Input, OrderStatus, Price, Timestamp, Title, lenient,
};

/// The body of a new order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderBody {
    /// The ticket to reserve.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, example = "65f1c0ffee0123456789abcd")
    )]
    pub ticket_id: Option<String>,
    /// The price that the buyer saw. The order is refused if the ticket has another price by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Price>, nullable = false))]
    pub price: Option<Value>,
}

/// A valid request for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceOrder {
    /// The ticket; `None` if the id is malformed, so that no ticket has it.
    pub ticket_id: Option<Id<kind::Ticket>>,
    /// The price that the buyer saw, if the client sent it.
    pub price: Option<Price>,
}

impl Input for PlaceOrder {
    type Body = OrderBody;

    fn parse(body: OrderBody) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let text = body.ticket_id.filter(|text| !text.trim().is_empty());
        let text = faults.check("ticketId", text.ok_or("TicketId must be provided"));
        let price = body.price.map(serde_json::from_value::<Price>).transpose();
        let price = faults.check(
            "price",
            price.map_err(|_| "Price must be an amount in dollars"),
        );
        faults.finish(text.zip(price).map(|(text, price)| Self {
            ticket_id: text.parse().ok(),
            price,
        }))
    }
}

/// The ticket of an order, as it was when it was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderedTicketView {
    /// The ticket's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Ticket>,
    /// The ticket's title.
    pub title: Title,
    /// The price to pay, in US dollars with at most two decimals.
    pub price: Price,
    /// The ticket's version when it was ordered.
    pub version: u64,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The order's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Order>,
    /// The order's status.
    pub status: OrderStatus,
    /// The user who ordered.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// When the order expires unless it is paid, RFC 3339.
    pub expires_at: Timestamp,
    /// The version, which grows by one with every change.
    pub version: u64,
    /// Why the order was cancelled; absent if it is not, or if the seller withdrew the ticket. More reasons may be added.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "CancellationReason::if_known"
    )]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<CancellationReason>,
    /// The ordered ticket.
    pub ticket: OrderedTicketView,
}

/// The query of a list of orders.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OrderQuery {
    /// The sort order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

impl Input for OrderSort {
    type Body = OrderQuery;

    fn parse(query: OrderQuery) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let sort = query.sort.map_or(Ok(Self::default()), |sort| sort.parse());
        let sort = faults.check("sort", sort);
        faults.finish(sort)
    }
}

/// The sort order of a list of orders.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrderSort {
    /// `oldest`: oldest first.
    #[default]
    #[cfg_attr(feature = "openapi", schema(rename = "oldest"))]
    Oldest,
    /// `newest`: newest first.
    #[cfg_attr(feature = "openapi", schema(rename = "newest"))]
    Newest,
}

/// The text is not a sort order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Sort must be oldest or newest")]
pub struct InvalidOrderSort;

impl OrderSort {
    /// All sort orders.
    pub const ALL: [Self; 2] = [Self::Oldest, Self::Newest];

    /// The sort order as written in a query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
        }
    }
}

impl fmt::Display for OrderSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderSort {
    type Err = InvalidOrderSort;

    fn from_str(text: &str) -> Result<Self, InvalidOrderSort> {
        let mut sorts = Self::ALL.into_iter();
        sorts
            .find(|sort| sort.as_str() == text)
            .ok_or(InvalidOrderSort)
    }
}
