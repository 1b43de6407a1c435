//! `GET /tickets/mine`

use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

use crate::page::{Page, Visit};
use crate::view::{self, Section};

/// Where in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    after: Option<String>,
}

impl Place {
    /// The parameters of the list, as the API has them.
    pub(super) fn query(self) -> Vec<(&'static str, String)> {
        self.after
            .map(|after| ("after", after))
            .into_iter()
            .collect()
    }
}

/// The address of the next page of the list at `path`.
pub(super) fn next_page(path: &str, after: Option<&str>) -> Option<String> {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("after", after?)
        .finish();
    Some(format!("{path}?{query}"))
}

/// How somebody came here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Arrival {
    withdrawn: Option<String>,
}

/// What the shopper sells, taken or not.
pub(super) async fn list(
    visit: Visit,
    Query(place): Query<Place>,
    Query(arrival): Query<Arrival>,
) -> Response {
    let query = place.query();
    let (visitor, found) = tokio::join!(visit.visitor(), visit.api.my_tickets(&query));
    match found {
        Ok(found) => {
            let next = next_page("/tickets/mine", found.after.as_deref());
            let page = Page::new("My tickets").of(Section::Mine);
            let withdrawn = arrival.withdrawn.is_some();
            visit.page(&visitor, page, || {
                view::my_tickets(&found.items, next, withdrawn)
            })
        }
        Err(failure) => visit.failed(&visitor, &failure),
    }
}
