//! `/docs`: the API for developers.

use std::collections::HashMap;

use axum::extract::Path;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};

use crate::api::Attempt;
use crate::docs::{Operation, Place, Reference};
use crate::page::{Page, Visit};
use crate::state::AppState;
use crate::view::{self, BODY, Trial, Tried};

/// The headers of an answer that say something to a developer.
const TOLD: [header::HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
    service::http::REQUEST_ID,
];

/// The pages and documents under `/docs`.
pub(super) fn table() -> Router<AppState> {
    Router::new()
        .route("/docs", get(docs))
        .route("/docs/events", get(events))
        .route("/docs/asyncapi.json", get(async || json(contract::EVENTS)))
        .route("/docs/openapi/{file}", get(document))
        .route("/docs/try/{service}/{operation}", post(attempt))
}

async fn docs(visit: Visit) -> Response {
    let visitor = visit.visitor().await;
    let page = Page::new("API")
        .described("Everything that the shop does, for programs.")
        .public_at("/docs");
    let origin = visit.shop.origin.to_string();
    visit.page(&visitor, page, || view::docs(Reference::get(), &origin))
}

async fn events(visit: Visit) -> Response {
    let visitor = visit.visitor().await;
    let page = Page::new("Events")
        .described("What the services of the shop tell each other.")
        .public_at("/docs/events");
    visit.page(&visitor, page, || view::events(Reference::get()))
}

async fn document(visit: Visit, Path(file): Path<String>) -> Response {
    let service = file.strip_suffix(".json").unwrap_or_default();
    let mut apis = Reference::get().apis.iter();
    match apis.find(|api| api.name == service) {
        Some(api) => json(api.json),
        None => visit.not_found(&visit.visitor().await),
    }
}

fn json(text: &'static str) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=300"),
        ),
    ];
    (headers, text).into_response()
}

/// Sends an operation on behalf of whoever asks, and shows what came of it.
///
/// Only operations of the contract can be sent, to the service whose they are. A form of another site is refused before
/// it gets here, and what may be done with somebody's session is decided by the API.
async fn attempt(
    visit: Visit,
    Path((service, id)): Path<(String, String)>,
    Form(typed): Form<HashMap<String, String>>,
) -> Response {
    let operation = Reference::get()
        .operation(&service, &id)
        .filter(|operation| operation.can_be_tried());
    let Some(operation) = operation else {
        return visit.not_found(&visit.visitor().await);
    };
    let (mut cookies, mut tried) = (
        Vec::new(),
        Tried::Unsendable("This parameter can be no part of an address."),
    );
    if let Some(address) = address(operation, &typed) {
        let body = operation
            .body
            .is_some()
            .then(|| typed.get(BODY).cloned().unwrap_or_default());
        let method = Method::try_from(operation.method.as_str()).unwrap_or_default();
        match visit
            .api
            .attempt(operation.service, method, &address, body)
            .await
        {
            Ok(answer) => {
                cookies.clone_from(&answer.cookies);
                tried = answered(address, &answer);
            }
            Err(_) => tried = Tried::Unavailable,
        }
    }
    let visitor = visit.visitor().await;
    let page = Page::new(format!("Try {} {}", operation.method, operation.path));
    let mut response = visit.page(&visitor, page.leading_to("/docs"), || {
        view::trial(Trial {
            operation,
            typed,
            tried,
        })
    });
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn answered(address: String, answer: &Attempt) -> Tried {
    let headers = &answer.headers;
    let mut told: Vec<_> = TOLD
        .iter()
        .filter_map(|name| {
            Some((
                name.to_string(),
                headers.get(name)?.to_str().ok()?.to_owned(),
            ))
        })
        .collect();
    // The session is for the browser, and not for eyes.
    told.extend(answer.cookies.iter().filter_map(|cookie| {
        let (name, _) = cookie.to_str().ok()?.split_once('=')?;
        Some((header::SET_COOKIE.to_string(), format!("{name}=…")))
    }));
    let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&answer.body);
    let text = || String::from_utf8_lossy(&answer.body).into_owned();
    Tried::Answered {
        address,
        status: answer.status.as_u16(),
        headers: told,
        body: parsed.map_or_else(|_| text(), |json| format!("{json:#}")),
    }
}

/// The operation's path and query with what was typed; `None` if that would lead elsewhere.
fn address(operation: &Operation, typed: &HashMap<String, String>) -> Option<String> {
    let mut path = operation.path.clone();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in &operation.parameters {
        let value = typed
            .get(&parameter.name)
            .map(|value| value.trim())
            .unwrap_or_default();
        match parameter.place {
            Place::Path if value.chars().all(|c| c == '.') => return None,
            Place::Path => {
                let segment: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
                path = path.replace(&format!("{{{}}}", parameter.name), &segment);
            }
            Place::Query if value.is_empty() => {}
            Place::Query => {
                query.append_pair(&parameter.name, value);
            }
            Place::Header => {}
        }
    }
    let query = query.finish();
    Some(if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)]) -> HashMap<String, String> {
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_typed_stays_within_the_operation() {
        let show = Reference::get().operation("tickets", "show").unwrap();
        let at = |id: &str| address(show, &typed(&[("id", id)]));
        assert_eq!(at("65f1").as_deref(), Some("/api/tickets/65f1"));
        assert_eq!(
            at("../users?a=b").as_deref(),
            Some("/api/tickets/..%2Fusers%3Fa%3Db")
        );
        assert_eq!(at(".."), None);
        assert_eq!(at(""), None);
        let list = Reference::get().operation("tickets", "list").unwrap();
        let found = address(
            list,
            &typed(&[("q", "row 3 & 4"), ("limit", ""), ("other", "x")]),
        );
        assert_eq!(found.as_deref(), Some("/api/tickets?q=row+3+%26+4"));
    }
}
