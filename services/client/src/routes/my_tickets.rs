//! `GET /tickets/mine`

use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

use crate::page::{Page, Visit};
use crate::view::{self, Section};

/// The position in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cursor {
    after: Option<String>,
}

impl Cursor {
    /// The API's query parameters.
    pub(super) fn query(self) -> Vec<(&'static str, String)> {
        self.after
            .map(|after| ("after", after))
            .into_iter()
            .collect()
    }
}

/// The URL of the next page of the list at `path`.
pub(super) fn next_page(path: &str, after: Option<&str>) -> Option<String> {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("after", after?)
        .finish();
    Some(format!("{path}?{query}"))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Notice {
    withdrawn: Option<String>,
}

pub(super) async fn list(
    visit: Visit,
    Query(cursor): Query<Cursor>,
    Query(notice): Query<Notice>,
) -> Response {
    let query = cursor.query();
    let (visitor, found) = tokio::join!(visit.visitor(), visit.api.my_tickets(&query));
    match found {
        Ok(found) => {
            let next = next_page("/tickets/mine", found.after.as_deref());
            let page = Page::new("My tickets").section(Section::Mine);
            let withdrawn = notice.withdrawn.is_some();
            visit.page(&visitor, page, || {
                view::my_tickets(&found.items, next, withdrawn)
            })
        }
        Err(failure) => visit.failed(&visitor, &failure),
    }
}
