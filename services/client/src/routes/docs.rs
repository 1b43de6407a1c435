//! `/docs`: the documentation of the API and the events.

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
use crate::view::{self, BODY, Outcome, Trial};

/// The headers of an answer that the page shows.
const SHOWN_HEADERS: [header::HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
    web::REQUEST_ID,
];

/// The routes under `/docs`.
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
        .description("The API of the shop, for developers.")
        .canonical("/docs");
    let origin = visit.shop.origin.to_string();
    visit.page(&visitor, page, || view::docs(Reference::get(), &origin))
}

async fn events(visit: Visit) -> Response {
    let visitor = visit.visitor().await;
    let page = Page::new("Events")
        .description("The events that the services of the shop exchange.")
        .canonical("/docs/events");
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

/// Sends an operation on behalf of the visitor and shows the answer.
///
/// It can send only operations of the contract, each to its own service. Forms from other sites are refused before they
/// get here, and the API authorizes the request.
async fn attempt(
    visit: Visit,
    Path((service, id)): Path<(String, String)>,
    Form(input): Form<HashMap<String, String>>,
) -> Response {
    let operation = Reference::get()
        .operation(&service, &id)
        .filter(|operation| operation.is_testable());
    let Some(operation) = operation else {
        return visit.not_found(&visit.visitor().await);
    };
    let (mut cookies, mut outcome) = (
        Vec::new(),
        Outcome::Invalid("This parameter cannot be part of a path."),
    );
    if let Some(url) = url(operation, &input) {
        let body = operation
            .body
            .is_some()
            .then(|| input.get(BODY).cloned().unwrap_or_default());
        let method = Method::try_from(operation.method.as_str()).unwrap_or_default();
        match visit
            .api
            .attempt(operation.service, method, &url, body)
            .await
        {
            Ok(answer) => {
                cookies.clone_from(&answer.cookies);
                outcome = answered(url, &answer);
            }
            Err(_) => outcome = Outcome::Unavailable,
        }
    }
    let visitor = visit.visitor().await;
    let page = Page::new(format!("Try {} {}", operation.method, operation.path));
    let mut response = visit.page(&visitor, page.with_next("/docs"), || {
        view::trial(Trial {
            operation,
            input,
            outcome,
        })
    });
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn answered(url: String, answer: &Attempt) -> Outcome {
    let headers = &answer.headers;
    let mut shown: Vec<_> = SHOWN_HEADERS
        .iter()
        .filter_map(|name| {
            Some((
                name.to_string(),
                headers.get(name)?.to_str().ok()?.to_owned(),
            ))
        })
        .collect();
    // Do not show the session itself.
    shown.extend(answer.cookies.iter().filter_map(|cookie| {
        let (name, _) = cookie.to_str().ok()?.split_once('=')?;
        Some((header::SET_COOKIE.to_string(), format!("{name}=…")))
    }));
    let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&answer.body);
    let text = || String::from_utf8_lossy(&answer.body).into_owned();
    Outcome::Answered {
        url,
        status: answer.status.as_u16(),
        headers: shown,
        body: parsed.map_or_else(|_| text(), |json| format!("{json:#}")),
    }
}

/// The operation's path and query with the input; `None` if the result could be another path.
fn url(operation: &Operation, input: &HashMap<String, String>) -> Option<String> {
    let mut path = operation.path.clone();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in &operation.parameters {
        let value = input
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

    fn input(fields: &[(&str, &str)]) -> HashMap<String, String> {
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn input_cannot_change_the_operation() {
        let show = Reference::get().operation("tickets", "show").unwrap();
        let at = |id: &str| url(show, &input(&[("id", id)]));
        assert_eq!(at("65f1").as_deref(), Some("/api/tickets/65f1"));
        assert_eq!(
            at("../users?a=b").as_deref(),
            Some("/api/tickets/..%2Fusers%3Fa%3Db")
        );
        assert_eq!(at(".."), None);
        assert_eq!(at(""), None);
        let list = Reference::get().operation("tickets", "list").unwrap();
        let found = url(
            list,
            &input(&[("q", "row 3 & 4"), ("limit", ""), ("other", "x")]),
        );
        assert_eq!(found.as_deref(), Some("/api/tickets?q=row+3+%26+4"));
    }
}
