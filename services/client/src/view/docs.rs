//! The developers' pages: the API, the events, and trial calls.

mod code;
mod event;
mod operation;
mod trial;

use leptos::prelude::*;

use crate::docs::{Operation, Reference, ServiceApi};

use operation::operation;

pub(crate) use event::events;
pub(crate) use trial::{BODY, Outcome, Trial, trial};

/// The rules that apply to every request.
const RULES: [(&str, &str); 6] = [
    (
        "Session",
        "Signing up and signing in set the cookie `session`, which identifies the user. It is HttpOnly and valid for seven days.",
    ),
    (
        "Failures",
        "Every failure is `{\"errors\":[{\"message\":…,\"field\":…?}]}`. It lists all invalid fields. The messages are for people.",
    ),
    (
        "Order of checks",
        "JSON, session, fields, existence, owner, state. The first failed check determines the answer.",
    ),
    (
        "Lists",
        "Plain arrays. The `Link` header with `rel=\"next\"` has the address of the next page.",
    ),
    (
        "Retries",
        "A 409, 429 or 503 has the seconds to wait in `Retry-After`. A POST with an `Idempotency-Key` is executed once, however often it is sent: for 24 hours, a repeat with the same body gets the first result.",
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
                    "The shop itself uses this API, and so can you. The "
                    <a href="/docs/events">"events"</a>
                    " that the services exchange have a page of their own."
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

/// The table of contents.
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

/// The path without the common prefix.
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
