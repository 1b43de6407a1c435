//! The error responses that all endpoints share.

use std::time::Duration;

use common::ErrorBody;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use super::KEY;
use crate::{ApiError, Retry};

const JSON: &str = "application/json";

/// An error response of a layer around the endpoints.
struct Shared {
    name: &'static str,
    status: &'static str,
    description: &'static str,
    /// Whether an operation can have this response, given whether it writes and whether it takes a body.
    applies: fn(bool, bool) -> bool,
}

const SHARED: [Shared; 4] = [
    Shared {
        name: "FromAnotherSite",
        status: "403",
        description: "A browser sent this from another site",
        applies: |writes, _| writes,
    },
    Shared {
        name: "BodyTooSlow",
        status: "408",
        description: "The body did not arrive within five seconds",
        applies: |_, has_body| has_body,
    },
    Shared {
        name: "BodyTooLarge",
        status: "413",
        description: "The body is longer than 100 kB",
        applies: |_, has_body| has_body,
    },
    Shared {
        name: "Unavailable",
        status: "503",
        description: "Too busy, or something that the service depends on does not answer",
        applies: |_, _| true,
    },
];

/// The response that only a POST can have.
const IN_PROGRESS: Shared = Shared {
    name: "InProgress",
    status: "409",
    description: "A request with the same `Idempotency-Key` is in progress",
    applies: |_, _| false,
};

/// The shared responses and their names, for the components of the description.
pub(super) fn shared() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let body = || Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
    SHARED.iter().chain([&IN_PROGRESS]).map(move |shared| {
        let response = ResponseBuilder::new().description(shared.description);
        let mut response = response.content(JSON, body()).build();
        complete_response(shared.status, &mut response);
        (shared.name.to_owned(), RefOr::T(response))
    })
}

/// Adds the header `Idempotency-Key` and its 409 to a POST.
pub(super) fn add_idempotency_key(operation: &mut Operation) {
    let key = Ref::new(format!("#/components/parameters/{KEY}"));
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::Ref(key));
    add(operation, &IN_PROGRESS);
}

/// Adds the response, unless the operation describes that status itself.
fn add(operation: &mut Operation, shared: &Shared) {
    let reference = Ref::new(format!("#/components/responses/{}", shared.name));
    let responses = &mut operation.responses.responses;
    responses
        .entry(shared.status.to_owned())
        .or_insert(RefOr::Ref(reference));
}

/// Adds the shared responses, and completes those that the operation describes itself.
pub(super) fn complete(operation: &mut Operation, writes: bool) {
    let has_body = operation.request_body.is_some();
    for shared in SHARED
        .iter()
        .filter(|shared| (shared.applies)(writes, has_body))
    {
        add(operation, shared);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            complete_response(status, response);
        }
    }
}

/// Adds the header `Retry-After` and an example, depending on the status.
fn complete_response(status: &str, response: &mut Response) {
    if let Some(seconds) = retry_after(status) {
        response
            .headers
            .insert("Retry-After".to_owned(), seconds.into());
    }
    let Some(example) = example(status) else {
        return;
    };
    if let Some(RefOr::T(content)) = response.content.get_mut(JSON)
        && content.example.is_none()
    {
        content.example = Some(example);
    }
}

fn retry_after(status: &str) -> Option<Header> {
    let integer = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    let header = HeaderBuilder::new()
        .schema(Some(integer.minimum(Some(1)).build()))
        .description(Some("After how many seconds to try again"));
    matches!(status, "409" | "429" | "503").then(|| header.build())
}

/// The example for a status whose response has none of its own.
fn example(status: &str) -> Option<Value> {
    let retry = Retry {
        after: Duration::ZERO,
    };
    let message = match status {
        "401" => ApiError::NotAuthorized.to_string(),
        "403" => crate::FROM_ANOTHER_SITE.to_owned(),
        "404" => ApiError::NotFound.to_string(),
        "408" => ApiError::BodyTooSlow.to_string(),
        "409" => ApiError::InProgress(retry).to_string(),
        "413" => ApiError::BodyTooLarge.to_string(),
        "429" => ApiError::TooManyRequests(retry).to_string(),
        "503" => ApiError::Overloaded.to_string(),
        _ => return None,
    };
    Some(json!(ErrorBody::message(message)))
}
