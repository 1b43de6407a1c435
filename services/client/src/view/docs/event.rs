//! The events page.

use leptos::prelude::*;

use super::code;
use crate::docs::{Event, Kind, Reference, Role};

/// `/docs/events`
pub(crate) fn events(reference: &'static Reference) -> impl IntoView {
    let links = reference.events.iter().map(|event| {
        view! {
            <li>
                <a href=format!("#{}", anchor(event))>{event.subject.clone()}</a>
            </li>
        }
    });
    let about = reference
        .about_events
        .iter()
        .map(|text| view! { <p>{code::prose(text)}</p> });
    view! {
        <div class="docs">
            <nav class="docs-nav" aria-label="Contents">
                <ul>
                    <li>
                        <a class="docs-service" href="#events">"events"</a>
                        <ul>{links.collect_view()}</ul>
                    </li>
                </ul>
            </nav>
            <div class="docs-main">
                <h1 id="events">"Events"</h1>
                <div class="lead">{about.collect_view()}</div>
                <p>
                    "See also the " <a href="/docs">"API"</a> " and the " <a href="/docs/asyncapi.json">"AsyncAPI document"</a> "."
                </p>
                <section class="docs-api" aria-labelledby="headers">
                    <h2 id="headers">"Headers of every event"</h2>
                    {code::fields("Headers", &reference.event_headers)}
                </section>
                {reference.events.iter().map(event).collect_view()}
            </div>
        </div>
    }
}

fn anchor(event: &Event) -> String {
    event.subject.replace(':', "-")
}

fn event(event: &'static Event) -> impl IntoView {
    view! {
        <section class="docs-api" aria-labelledby=anchor(event)>
            <h2 id=anchor(event)>
                <code class="path">{event.subject.clone()}</code>
            </h2>
            <p>{event.summary.clone()} "."</p>
            <ul class="roles">{event.roles.iter().map(role).collect_view()}</ul>
            {code::fields("Fields", &event.fields)}
            {code::block("Example", &event.example)}
        </section>
    }
}

fn role(role: &'static Role) -> impl IntoView {
    let (class, word) = match role.kind {
        Kind::Publisher => ("badge free", "publishes"),
        Kind::Consumer => ("badge held", "consumes"),
        Kind::Reader => ("badge over", "reads"),
    };
    let queue = role
        .queue
        .as_deref()
        .map(|queue| view! { " (" <code>{queue.to_owned()}</code> ")" });
    view! {
        <li>
            <span class=class>{word}</span>
            <strong>{role.service.clone()}</strong>
            <span>{role.summary.clone()} {queue}</span>
        </li>
    }
}
