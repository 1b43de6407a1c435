//! `/api/tickets`: tickets for sale.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Faults;
use crate::events::{TicketState, is_false};
use crate::id::kind;
use crate::lenient::Optional;
use crate::price::{InvalidPrice, PriceInput};
use crate::{FieldError, Id, Input, Price, Title, lenient};

/// The body of a new ticket or of an edit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketBody {
    /// The ticket's title.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, max_length = 200, example = "Front row")
    )]
    pub title: Option<String>,
    /// The price in US dollars, at least 0.50, with at most two decimals; a number, or a decimal in a string.
    #[serde(default, deserialize_with = "lenient::price")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, value_type = crate::schema::NewPriceSchema)
    )]
    pub price: Option<PriceInput>,
    /// The version that was edited. If it is given, the edit is refused unless it is the current version. Ignored for a
    /// new ticket.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>, nullable = false))]
    pub version: Optional<u64>,
}

/// The valid details of a new ticket or of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketDetails {
    /// The title.
    pub title: Title,
    /// The price.
    pub price: Price,
    /// The version that was edited, if the client sent it.
    pub version: Option<u64>,
}

impl Input for TicketDetails {
    type Body = TicketBody;

    fn parse(body: TicketBody) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let title = faults.check("title", body.title.unwrap_or_default().parse());
        let price = body.price.ok_or(InvalidPrice::NotPositive);
        let price = price.and_then(|price| price.price()?.chargeable());
        let price = faults.check("price", price);
        let version = body.version.given("Version must be a whole number");
        let version = faults.check("version", version);
        let input = title.zip(price).zip(version);
        faults.finish(input.map(|((title, price), version)| Self {
            title,
            price,
            version,
        }))
    }
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TicketView {
    /// The ticket's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Ticket>,
    /// The title.
    pub title: Title,
    /// The price in US dollars, with at most two decimals.
    pub price: Price,
    /// The user who sells the ticket.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// The order that holds the ticket; absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::IdSchema>, nullable = false))]
    pub order_id: Option<Id<kind::Order>>,
    /// The version, which grows by one with every change.
    pub version: u64,
    /// Whether the seller took the ticket off sale. Such tickets occur only in the stream of changes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
}

/// A ticket, the response of `GET /api/tickets/{id}`. Unlike in lists, `orderId` is `null` if no order holds the
/// ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShownTicketView {
    /// The ticket's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Ticket>,
    /// The title.
    pub title: Title,
    /// The price in US dollars, with at most two decimals.
    pub price: Price,
    /// The user who sells the ticket.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// The order that holds the ticket; `null` if none does.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<crate::schema::IdSchema>))]
    pub order_id: Option<Id<kind::Order>>,
    /// The version, which grows by one with every change.
    pub version: u64,
}

impl From<TicketView> for ShownTicketView {
    fn from(view: TicketView) -> Self {
        Self {
            id: view.id,
            title: view.title,
            price: view.price,
            user_id: view.user_id,
            order_id: view.order_id,
            version: view.version,
        }
    }
}

impl From<TicketState> for TicketView {
    fn from(ticket: TicketState) -> Self {
        Self {
            id: ticket.id,
            title: ticket.title,
            price: ticket.price,
            user_id: ticket.user_id,
            order_id: ticket.order_id,
            version: ticket.version,
            withdrawn: ticket.withdrawn,
        }
    }
}

/// The query of a list of tickets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TicketQuery {
    /// Words that the title must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// The sort order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// A valid request for a list of tickets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketListing {
    /// The words to search for.
    pub search: TitleSearch,
    /// The sort order.
    pub sort: TicketSort,
}

impl Input for TicketListing {
    type Body = TicketQuery;

    fn parse(query: TicketQuery) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let search = faults.check("q", query.q.unwrap_or_default().parse());
        let sort = query
            .sort
            .map_or(Ok(TicketSort::default()), |sort| sort.parse());
        let sort = faults.check("sort", sort);
        let input = search.zip(sort).map(|(search, sort)| Self { search, sort });
        faults.finish(input)
    }
}

/// The sort order of a list of tickets. Tickets with equal prices are sorted newest first.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TicketSort {
    /// `newest`: newest first.
    #[default]
    #[cfg_attr(feature = "openapi", schema(rename = "newest"))]
    Newest,
    /// `price`: cheapest first.
    #[cfg_attr(feature = "openapi", schema(rename = "price"))]
    Cheapest,
    /// `-price`: most expensive first.
    #[cfg_attr(feature = "openapi", schema(rename = "-price"))]
    Dearest,
}

/// The text is not a sort order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Sort must be newest, price or -price")]
pub struct InvalidTicketSort;

impl TicketSort {
    /// All sort orders.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Cheapest, Self::Dearest];

    /// The sort order as written in a query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Cheapest => "price",
            Self::Dearest => "-price",
        }
    }
}

impl fmt::Display for TicketSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TicketSort {
    type Err = InvalidTicketSort;

    fn from_str(text: &str) -> Result<Self, InvalidTicketSort> {
        Self::ALL
            .into_iter()
            .find(|sort| sort.as_str() == text)
            .ok_or(InvalidTicketSort)
    }
}

/// The words that a ticket's title must contain, in any case and normalization form. Without words, every title
/// matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TitleSearch(Vec<String>);

/// The search is longer than [`TitleSearch::MAX_CHARACTERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Search must be at most 100 characters")]
pub struct SearchTooLong;

impl TitleSearch {
    /// The longest search, in characters.
    pub const MAX_CHARACTERS: usize = 100;

    /// The words as typed.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for TitleSearch {
    type Err = SearchTooLong;

    fn from_str(text: &str) -> Result<Self, SearchTooLong> {
        if text.trim().chars().count() > Self::MAX_CHARACTERS {
            return Err(SearchTooLong);
        }
        let separates = |c: char| c.is_whitespace() || c.is_control();
        let words = text.split(separates).filter(|word| !word.is_empty());
        Ok(Self(words.map(str::to_owned).collect()))
    }
}
