//! `GET /`: the tickets for sale.

use axum::extract::Query;
use axum::response::Response;
use common::api::tickets::TicketSort;
use serde::Deserialize;

use crate::page::{Page, Visit};
use crate::view::{self, Section, Shelf};

/// The maximum length of a search, in characters; also the limit of the input field.
const MAX_SEARCH: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    q: String,
    sort: String,
    after: Option<String>,
}

pub(super) async fn home(visit: Visit, Query(search): Query<Search>) -> Response {
    let words: String = search.q.trim().chars().take(MAX_SEARCH).collect();
    let sort: TicketSort = search.sort.parse().unwrap_or_default();
    let mut query = parameters(&words, sort);
    let first = search.after.is_some().then(|| url(&query));
    query.extend(search.after.map(|after| ("after", after)));
    let (visitor, found) = tokio::join!(visit.visitor(), visit.api.tickets(&query));
    let found = match found {
        Ok(found) => found,
        Err(failure) => return visit.failed(&visitor, &failure),
    };
    let next = found.after.map(|after| {
        let mut query = parameters(&words, sort);
        query.push(("after", after));
        url(&query)
    });
    let shelf = Shelf {
        tickets: found.items,
        last_event: found.last_event,
        search: words,
        sort,
        first,
        next,
    };
    let page = Page::new("Tickets from people")
        .description("Tickets that people cannot use, for people who can. Reserve one, pay by card, and it is yours.")
        .canonical("/")
        .section(Section::Tickets)
        .with_islands();
    visit.page(&visitor, page, || view::shelf(shelf))
}

/// The query parameters that differ from the defaults.
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

fn url(parameters: &[(&'static str, String)]) -> String {
    if parameters.is_empty() {
        return "/".to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("/?{query}")
}
