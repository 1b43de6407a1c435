//! `/api/tickets`: what is for sale.

use serde::{Deserialize, Serialize};

use crate::error::Faults;
use crate::id::kind;
use crate::price::InvalidPrice;
use crate::{FieldError, Id, Input, Price, Title, lenient};

/// The body of a new ticket or of an edit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketBody {
    /// What is for sale.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, max_length = 200, example = "Front row")
    )]
    pub title: Option<String>,
    /// US dollars, at most two decimals.
    #[serde(default, deserialize_with = "lenient::number")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, exclusive_minimum = 0, example = 19.99)
    )]
    pub price: Option<f64>,
    /// The version that an edit was made from, if the client knows it: the edit is refused when the ticket has
    /// moved on since. Ignored for a new ticket.
    #[serde(
        default,
        deserialize_with = "lenient::whole_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<u64>,
}

/// A valid title and price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketDetails {
    /// What is for sale.
    pub title: Title,
    /// What it costs.
    pub price: Price,
    /// The version that an edit was made from, if the client said so.
    pub version: Option<u64>,
}

impl Input for TicketDetails {
    type Body = TicketBody;

    fn parse(body: TicketBody) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let title = faults.check("title", body.title.unwrap_or_default().parse());
        let price = body.price.ok_or(InvalidPrice::NotPositive);
        let price = faults.check("price", price.and_then(Price::from_dollars));
        let input = title.zip(price).map(|(title, price)| Self {
            title,
            price,
            version: body.version,
        });
        faults.finish(input)
    }
}

/// A ticket, as the tickets service answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TicketView {
    /// The ticket's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: Id<kind::Ticket>,
    /// What is for sale.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub title: Title,
    /// US dollars, at most two decimals.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub price: Price,
    /// Who sells it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub user_id: Id<kind::User>,
    /// The order that holds it, while one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub order_id: Option<Id<kind::Order>>,
    /// Grows by one with every change.
    pub version: u64,
}
