//! Lists of tickets for sale: filter, sort order and position.

use std::fmt;
use std::str::FromStr;

use bson::{Document, doc};
use common::Id;
use common::api::tickets::{TicketListing, TicketSort, TitleSearch};
use common::id::kind;
use common::search_key::search_key;
use mongo::object_id;
use mongodb::IndexModel;

use crate::domain::Ticket;

/// A ticket's position in a list, written `<id>` in lists by age and `<cents>-<id>` in lists by price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// In a list by age.
    ByAge(Id<kind::Ticket>),
    /// In a list by price in cents, and by age among equal prices.
    ByPrice(i64, Id<kind::Ticket>),
}

/// The text is not a position.
#[derive(Debug)]
pub(crate) struct InvalidPosition;

impl Position {
    /// The ticket's position in a list with this sort order.
    pub(crate) fn of(ticket: &Ticket, sort: TicketSort) -> Self {
        match sort {
            TicketSort::Newest => Self::ByAge(ticket.id()),
            TicketSort::Cheapest | TicketSort::Dearest => {
                Self::ByPrice(ticket.price().cents(), ticket.id())
            }
        }
    }

    /// Whether this is a position in a list with this sort order.
    pub(crate) const fn fits(self, sort: TicketSort) -> bool {
        matches!(self, Self::ByAge(_)) == matches!(sort, TicketSort::Newest)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByAge(id) => write!(f, "{id}"),
            Self::ByPrice(cents, id) => write!(f, "{cents}-{id}"),
        }
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let id = |text: &str| text.parse().map_err(|_| InvalidPosition);
        match text.split_once('-') {
            None => Ok(Self::ByAge(id(text)?)),
            Some((cents, text)) => {
                let cents = cents.parse().map_err(|_| InvalidPosition)?;
                Ok(Self::ByPrice(cents, id(text)?))
            }
        }
    }
}

/// One index for each sort order.
pub(super) fn indexes() -> impl Iterator<Item = IndexModel> {
    TicketSort::ALL.into_iter().map(|sort| {
        let mut keys = doc! { "order_id": 1 };
        keys.extend(order(sort));
        IndexModel::builder().keys(keys).build()
    })
}

/// The database's form of a sort order.
pub(super) fn order(sort: TicketSort) -> Document {
    match sort {
        TicketSort::Newest => doc! { "_id": -1 },
        TicketSort::Cheapest => doc! { "price_cents": 1, "_id": -1 },
        TicketSort::Dearest => doc! { "price_cents": -1, "_id": -1 },
    }
}

/// Matches the tickets of a list after this position, or all of them.
pub(super) fn filter(listing: &TicketListing, after: Option<Position>) -> Document {
    let mut filter = doc! { "order_id": null };
    filter.extend(matching(&listing.search));
    filter.extend(
        after
            .map(|position| beyond(position, listing.sort))
            .unwrap_or_default(),
    );
    filter
}

fn beyond(position: Position, sort: TicketSort) -> Document {
    let (cents, id) = match position {
        Position::ByAge(id) => return doc! { "_id": { "$lt": object_id(id) } },
        Position::ByPrice(cents, id) => (cents, id),
    };
    let (at_or_after, after) = match sort {
        TicketSort::Dearest => ("$lte", "$lt"),
        TicketSort::Cheapest | TicketSort::Newest => ("$gte", "$gt"),
    };
    doc! {
        "price_cents": { at_or_after: cents },
        "$or": [{ "price_cents": { after: cents } }, { "_id": { "$lt": object_id(id) } }],
    }
}

/// Matches titles that contain all words, in any case and normalization form.
///
/// The search key may be missing or outdated if an earlier release wrote the ticket. So the title is searched too,
/// which finds the same except for rare letters.
fn matching(search: &TitleSearch) -> Document {
    let words = search.words().iter().map(|word| (word, search_key(word)));
    let each: Vec<_> = words
        .filter(|(_, key)| !key.is_empty())
        .map(|(word, key)| {
            let in_key = doc! { "search_key": { "$regex": escape(&key) } };
            let in_title = doc! { "title": { "$regex": escape(word), "$options": "i" } };
            doc! { "$or": [in_key, in_title] }
        })
        .collect();
    if each.is_empty() {
        Document::new()
    } else {
        doc! { "$and": each }
    }
}

/// A regular expression that matches exactly this text.
fn escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\^$.|?*+()[]{}".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}
