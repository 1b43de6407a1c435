//! The pages for developers: what the API takes and answers, what the services tell each other, and what came of a try.

mod code;
mod event;
mod operation;
mod trial;

use leptos::prelude::*;

use crate::docs::{Operation, Reference, ServiceApi};

use operation::operation;

pub(crate) use event::events;
pub(crate) use trial::{BODY, Trial, Tried, trial};

/// What holds for every request, said once.
const RULES: [(&str, &str); 6] = [
    (
        "Session",
        "Signing up and signing in set the cookie `session`, which says who asks. It is HttpOnly, and good for seven days.",
    ),
    (
        "Failures",
        "Every failure is `{\"errors\":[{\"message\":…,\"field\":…?}]}`. All fields that are wrong are named. Messages are for people.",
    ),
    (
        "Order of checks",
        "JSON, session, fields, existence, owner, state. The first that fails decides the answer.",
    ),
    (
        "Lists",
        "Plain arrays. The address of the next page is in the header `Link`, with `rel=\"next\"`.",
    ),
    (
        "Trying again",
        "A 409, a 429 or a 503 says in `Retry-After` after how many seconds. A POST that names itself in `Idempotency-Key` is executed once however often it is sent: for 24 hours, a repeat with the same body is answered with the first result.",
    ),
    (
        "Values",
        "Ids are 24 hex digits. Prices are US dollars with at most two decimals. Times are RFC 3339 in UTC with milliseconds.",
    ),
];

/// `/docs`
pub(crate) fn docs(reference: &'static Reference, origin: &str) -> impl IntoView + use<> {
    let apis = reference
        .apis
        .iter()
        .map(|api| service(api, origin))
        .collect_view();
    view! {
        <div class="docs">
            {contents(reference)}
            <div class="docs-main">
                <h1>"API"</h1>
                <p class="lead">
                    "Everything that the shop does goes through this API, and so can you. "
                    <a href="/docs/events">"What the services tell each other"</a>
                    " is on a page of its own."
                </p>
                <dl class="rules">
                    {RULES
                        .map(|(name, rule)| {
                            view! {
                                <div>
                                    <dt>{name}</dt>
                                    <dd>{code::prose(rule)}</dd>
                                </div>
                            }
                        })
                        .collect_view()}
                </dl>
                {apis}
            </div>
        </div>
    }
}

/// Where everything is on the page: open beside it where there is room.
fn contents(reference: &'static Reference) -> impl IntoView {
    let services = reference.apis.iter().map(|api| {
        let links = api.operations.iter().filter(|operation| !operation.deprecated).map(|operation| {
            view! {
                <li>
                    <a href=format!("#{}", operation.anchor())>{code::method(&operation.method)} {short(operation)}</a>
                </li>
            }
        });
        view! {
            <li>
                <a class="docs-service" href=format!("#{}", api.name)>{api.name}</a>
                <ul>{links.collect_view()}</ul>
            </li>
        }
    });
    view! {
        <nav class="docs-nav" aria-label="Contents">
            <ul>{services.collect_view()}</ul>
        </nav>
    }
}

/// The path without what all paths begin with.
fn short(operation: &Operation) -> String {
    operation.path.trim_start_matches("/api").to_owned()
}

fn service(api: &'static ServiceApi, origin: &str) -> impl IntoView + use<> {
    let operations = api
        .operations
        .iter()
        .map(|one| operation(one, origin))
        .collect_view();
    view! {
        <section class="docs-api" aria-labelledby=api.name>
            <h2 id=api.name>{api.name}</h2>
            <p>
                {api.about.clone()} " " <a href=format!("/docs/openapi/{}.json", api.name)>"OpenAPI"</a>
            </p>
            {operations}
        </section>
    }
}
