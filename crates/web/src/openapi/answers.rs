//! The failures that every endpoint can answer, and what belongs to each.

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

/// A failure that a layer around the endpoints answers.
struct Shared {
    name: &'static str,
    status: &'static str,
    description: &'static str,
    /// Whether an operation can be answered so, by whether it writes and whether it takes a body.
    concerns: fn(bool, bool) -> bool,
}

const SHARED: [Shared; 4] = [
    Shared {
        name: "FromAnotherSite",
        status: "403",
        description: "A browser sent this from another site",
        concerns: |writes, _| writes,
    },
    Shared {
        name: "BodyTooSlow",
        status: "408",
        description: "The body did not arrive within five seconds",
        concerns: |_, has_body| has_body,
    },
    Shared {
        name: "BodyTooLarge",
        status: "413",
        description: "The body is longer than 100 kB",
        concerns: |_, has_body| has_body,
    },
    Shared {
        name: "Unavailable",
        status: "503",
        description: "Too busy, or something that the service depends on does not answer",
        concerns: |_, _| true,
    },
];

/// What only a POST is answered.
const IN_PROGRESS: Shared = Shared {
    name: "InProgress",
    status: "409",
    description: "A request with the same `Idempotency-Key` is in progress",
    concerns: |_, _| false,
};

/// The shared answers, to be referred to by their names.
pub(super) fn shared() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let body = || Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
    SHARED.iter().chain([&IN_PROGRESS]).map(move |shared| {
        let answer = ResponseBuilder::new().description(shared.description);
        let mut answer = answer.content(JSON, body()).build();
        complete_answer(shared.status, &mut answer);
        (shared.name.to_owned(), RefOr::T(answer))
    })
}

/// Adds what is particular to a POST: it takes an `Idempotency-Key`, and may be in progress.
pub(super) fn take_keys(operation: &mut Operation) {
    let key = Ref::new(format!("#/components/parameters/{KEY}"));
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::Ref(key));
    add(operation, &IN_PROGRESS);
}

/// Adds the answer, unless the operation speaks of that status itself.
fn add(operation: &mut Operation, shared: &Shared) {
    let reference = Ref::new(format!("#/components/responses/{}", shared.name));
    let answers = &mut operation.responses.responses;
    answers
        .entry(shared.status.to_owned())
        .or_insert(RefOr::Ref(reference));
}

/// Adds the answers that the operation does not speak of itself, and what those of which it does should have.
pub(super) fn complete(operation: &mut Operation, writes: bool) {
    let has_body = operation.request_body.is_some();
    for shared in SHARED
        .iter()
        .filter(|shared| (shared.concerns)(writes, has_body))
    {
        add(operation, shared);
    }
    for (status, answer) in &mut operation.responses.responses {
        if let RefOr::T(answer) = answer {
            complete_answer(status, answer);
        }
    }
}

fn complete_answer(status: &str, answer: &mut Response) {
    if let Some(seconds) = retry_after(status) {
        answer
            .headers
            .insert("Retry-After".to_owned(), seconds.into());
    }
    let Some(example) = example(status) else {
        return;
    };
    if let Some(RefOr::T(content)) = answer.content.get_mut(JSON)
        && content.example.is_none()
    {
        content.example = Some(example);
    }
}

fn retry_after(status: &str) -> Option<Header> {
    let whole = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    let header = HeaderBuilder::new()
        .schema(Some(whole.minimum(Some(1)).build()))
        .description(Some("After how many seconds to try again"));
    matches!(status, "409" | "429" | "503").then(|| header.build())
}

/// What the failure says where the endpoint has no words of its own.
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
