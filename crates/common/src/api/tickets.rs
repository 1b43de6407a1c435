//! `/api/tickets`: what is for sale.

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
    /// What is for sale.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, max_length = 200, example = "Front row")
    )]
    pub title: Option<String>,
    /// US dollars, at least 0.50, at most two decimals; as a number or as a decimal in a string.
    #[serde(default, deserialize_with = "lenient::price")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, value_type = crate::schema::NewPriceSchema)
    )]
    pub price: Option<PriceInput>,
    /// The version that an edit was made from, if the client knows it: the edit is refused when the ticket has
    /// moved on since. Ignored for a new ticket.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>, nullable = false))]
    pub version: Optional<u64>,
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

/// A ticket, as the tickets service answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TicketView {
    /// The ticket's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Ticket>,
    /// What is for sale.
    pub title: Title,
    /// US dollars, at most two decimals.
    pub price: Price,
    /// Who sells it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// The order that holds it, while one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::IdSchema>, nullable = false))]
    pub order_id: Option<Id<kind::Order>>,
    /// Grows by one with every change.
    pub version: u64,
    /// Whether its seller took it off sale, which only the stream of changes says: then it is found nowhere else.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
}

/// One ticket, as it is answered where it alone is asked for: `orderId` is null while no order holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShownTicketView {
    /// The ticket's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::Ticket>,
    /// What is for sale.
    pub title: Title,
    /// US dollars, at most two decimals.
    pub price: Price,
    /// Who sells it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub user_id: Id<kind::User>,
    /// The order that holds it; `null` while none does.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<crate::schema::IdSchema>))]
    pub order_id: Option<Id<kind::Order>>,
    /// Grows by one with every change.
    pub version: u64,
}

impl From<TicketView> for ShownTicketView {
    fn from(view: TicketView) -> Self {
        let TicketView {
            id,
            title,
            price,
            user_id,
            order_id,
            version,
            // A withdrawn ticket is not shown.
            withdrawn: _,
        } = view;
        Self {
            id,
            title,
            price,
            user_id,
            order_id,
            version,
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

/// What the query of a list asks for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TicketQuery {
    /// Words that the titles must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// In which order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// A valid wish for a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketListing {
    /// What the titles must have.
    pub search: TitleSearch,
    /// In which order.
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

/// In which order what is for sale is listed; of tickets at the same price the newest comes first.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TicketSort {
    /// `newest`: the newest first.
    #[default]
    #[cfg_attr(feature = "openapi", schema(rename = "newest"))]
    Newest,
    /// `price`: the cheapest first.
    #[cfg_attr(feature = "openapi", schema(rename = "price"))]
    Cheapest,
    /// `-price`: the dearest first.
    #[cfg_attr(feature = "openapi", schema(rename = "-price"))]
    Dearest,
}

/// The text names no order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Sort must be newest, price or -price")]
pub struct InvalidTicketSort;

impl TicketSort {
    /// Every order.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Cheapest, Self::Dearest];

    /// The order as it is written in a query.
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

/// The words that a ticket's title must have, whatever their case and normalization form; none if every title will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TitleSearch(Vec<String>);

/// The search is longer than [`TitleSearch::MAX_CHARACTERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Search must be at most 100 characters")]
pub struct SearchTooLong;

impl TitleSearch {
    /// The longest search, in characters.
    pub const MAX_CHARACTERS: usize = 100;

    /// The words, as they were written.
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
        let between = |c: char| c.is_whitespace() || c.is_control();
        let words = text.split(between).filter(|word| !word.is_empty());
        Ok(Self(words.map(str::to_owned).collect()))
    }
}
