//! Lists of what is for sale: which tickets, in which order, from which on.

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

/// Where a ticket stands in a list. Written `<id>` where the newest come first, and `<cents>-<id>` in lists by price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among tickets by age.
    ByAge(Id<kind::Ticket>),
    /// Among tickets by price, in cents, and by age where that is the same.
    ByPrice(i64, Id<kind::Ticket>),
}

/// The text is no place in a list.
#[derive(Debug)]
pub(crate) struct InvalidPlace;

impl Place {
    /// The ticket's place in a list of this order.
    pub(crate) fn of(ticket: &Ticket, sort: TicketSort) -> Self {
        match sort {
            TicketSort::Newest => Self::ByAge(ticket.id),
            TicketSort::Cheapest | TicketSort::Dearest => {
                Self::ByPrice(ticket.price.cents(), ticket.id)
            }
        }
    }

    /// Whether lists of this order have such places.
    pub(crate) const fn fits(self, sort: TicketSort) -> bool {
        matches!(self, Self::ByAge(_)) == matches!(sort, TicketSort::Newest)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByAge(id) => write!(f, "{id}"),
            Self::ByPrice(cents, id) => write!(f, "{cents}-{id}"),
        }
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let id = |text: &str| text.parse().map_err(|_| InvalidPlace);
        match text.split_once('-') {
            None => Ok(Self::ByAge(id(text)?)),
            Some((cents, text)) => {
                let cents = cents.parse().map_err(|_| InvalidPlace)?;
                Ok(Self::ByPrice(cents, id(text)?))
            }
        }
    }
}

/// An index for each order of a list.
pub(super) fn indexes() -> impl Iterator<Item = IndexModel> {
    TicketSort::ALL.into_iter().map(|sort| {
        let mut keys = doc! { "order_id": 1 };
        keys.extend(order(sort));
        IndexModel::builder().keys(keys).build()
    })
}

/// The order of a list, as the database has it.
pub(super) fn order(sort: TicketSort) -> Document {
    match sort {
        TicketSort::Newest => doc! { "_id": -1 },
        TicketSort::Cheapest => doc! { "price_cents": 1, "_id": -1 },
        TicketSort::Dearest => doc! { "price_cents": -1, "_id": -1 },
    }
}

/// Matches what a list has behind this place, or all of it.
pub(super) fn filter(listing: &TicketListing, after: Option<Place>) -> Document {
    let mut filter = doc! { "order_id": null };
    filter.extend(having(&listing.search));
    filter.extend(
        after
            .map(|after| behind(after, listing.sort))
            .unwrap_or_default(),
    );
    filter
}

fn behind(place: Place, sort: TicketSort) -> Document {
    let (cents, id) = match place {
        Place::ByAge(id) => return doc! { "_id": { "$lt": object_id(id) } },
        Place::ByPrice(cents, id) => (cents, id),
    };
    let (from, beyond) = match sort {
        TicketSort::Dearest => ("$lte", "$lt"),
        TicketSort::Cheapest | TicketSort::Newest => ("$gte", "$gt"),
    };
    doc! {
        "price_cents": { from: cents },
        "$or": [{ "price_cents": { beyond: cents } }, { "_id": { "$lt": object_id(id) } }],
    }
}

/// Matches titles that have all words, whatever their case and normalization form. Of a ticket that an earlier release
/// wrote, whose search key may be missing or of the title before, the title itself is compared, which differs only in
/// rare letters.
fn having(search: &TitleSearch) -> Document {
    let words = search.words().iter().map(|word| (word, search_key(word)));
    let each: Vec<_> = words
        .filter(|(_, key)| !key.is_empty())
        .map(|(word, key)| {
            let in_key = doc! { "search_key": { "$regex": literally(&key) } };
            let in_title = doc! { "title": { "$regex": literally(word), "$options": "i" } };
            doc! { "$or": [in_key, in_title] }
        })
        .collect();
    if each.is_empty() {
        Document::new()
    } else {
        doc! { "$and": each }
    }
}

/// A regular expression that matches the text and nothing else.
fn literally(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\^$.|?*+()[]{}".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}
