//! `GET /`: what is for sale.

use axum::extract::Query;
use axum::response::Response;
use common::api::tickets::TicketSort;
use serde::Deserialize;

use crate::page::{Page, Visit};
use crate::view::{self, Section, Shelf};

/// The longest search, in characters; the field takes no more.
const LONGEST_SEARCH: usize = 100;

/// What is looked for, and where in the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    q: String,
    sort: String,
    after: Option<String>,
}

/// The tickets for sale, by title, in order, a page at a time.
pub(super) async fn home(visit: Visit, Query(search): Query<Search>) -> Response {
    let words: String = search.q.trim().chars().take(LONGEST_SEARCH).collect();
    let sort: TicketSort = search.sort.parse().unwrap_or_default();
    let mut query = parameters(&words, sort);
    let first = search.after.is_some().then(|| address(&query));
    query.extend(search.after.map(|after| ("after", after)));
    let (visitor, found) = tokio::join!(visit.visitor(), visit.api.tickets(&query));
    let found = match found {
        Ok(found) => found,
        Err(failure) => return visit.failed(&visitor, &failure),
    };
    let next = found.after.map(|after| {
        let mut query = parameters(&words, sort);
        query.push(("after", after));
        address(&query)
    });
    let shelf = Shelf {
        tickets: found.items,
        place: found.place,
        search: words,
        sort,
        first,
        next,
    };
    let page = Page::new("Tickets from people")
        .described("Tickets that people cannot use, for people who can. Reserve one, pay by card, and it is yours.")
        .public_at("/")
        .of(Section::Tickets)
        .alive();
    visit.page(&visitor, page, || view::shelf(shelf))
}

/// What differs from the usual.
fn parameters(words: &str, sort: TicketSort) -> Vec<(&'static str, String)> {
    let mut parameters = Vec::new();
    if !words.is_empty() {
        parameters.push(("q", words.to_owned()));
    }
    if sort != TicketSort::default() {
        parameters.push(("sort", sort.to_string()));
    }
    parameters
}

fn address(parameters: &[(&'static str, String)]) -> String {
    if parameters.is_empty() {
        return "/".to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("/?{query}")
}
