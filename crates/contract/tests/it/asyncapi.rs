//! Generates the AsyncAPI document of the events
//! (<https://www.asyncapi.com/docs/reference/specification/v3.0.0>).
//!
//! Publishers and consumers come from the services' definitions, which the broker client enforces. Payload schemas come
//! from the event types. The examples are the frozen events of the tests in `common`.

use base::definition::Definition;
use common::Subject;
use common::events::{ExpirationState, OrderState, PaymentState, TicketState};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// The services that use the broker. `auth` does not.
const DEFINITIONS: [&Definition; 4] = [
    &tickets::DEFINITION,
    &orders::DEFINITION,
    &payments::DEFINITION,
    &expiration::DEFINITION,
];

const DESCRIPTION: &str = "The events that the services exchange over NATS JetStream.\n\n\
    Every event carries the whole public state of its entity and a version, so a consumer needs no earlier event. \
    Events may be delivered twice and in any order; a consumer ignores versions that are not newer than its own. \
    Published events stay readable: a field may be added if it has a default, but never renamed, retyped or removed. \
    Metadata is in the headers, as defined by the NATS binding of CloudEvents (binary mode).";

/// The description of an event.
struct EventDescription {
    subject: Subject,
    summary: &'static str,
    /// The name of the payload's schema.
    payload: String,
    /// An example payload, in JSON.
    example: &'static str,
}

fn describe(subject: Subject) -> EventDescription {
    let (summary, payload, example) = match subject {
        Subject::TicketCreated => (
            "A ticket was put up for sale",
            TicketState::name(),
            include_str!("../../../common/tests/it/frozen/ticket-created.json"),
        ),
        Subject::TicketUpdated => (
            "A ticket was edited, reserved or released",
            TicketState::name(),
            include_str!("../../../common/tests/it/frozen/ticket-updated.json"),
        ),
        Subject::OrderCreated => (
            "An order claimed a ticket",
            OrderState::name(),
            include_str!("../../../common/tests/it/frozen/order-created.json"),
        ),
        Subject::OrderCancelled => (
            "An order was cancelled or refunded, or it expired",
            OrderState::name(),
            include_str!("../../../common/tests/it/frozen/order-cancelled.json"),
        ),
        Subject::PaymentCreated => (
            "An order was paid",
            PaymentState::name(),
            include_str!("../../../common/tests/it/frozen/payment-created.json"),
        ),
        Subject::PaymentRefunded => (
            "A payment was refunded in full",
            PaymentState::name(),
            include_str!("../../../common/tests/it/frozen/payment-refunded.json"),
        ),
        Subject::ExpirationComplete => (
            "An order expired",
            ExpirationState::name(),
            include_str!("../../../common/tests/it/frozen/expiration-complete.json"),
        ),
    };
    EventDescription {
        subject,
        summary,
        payload: payload.into_owned(),
        example,
    }
}

/// The key of a subject: `ticketCreated` for `ticket:created`. Keys must not contain colons.
fn key(subject: Subject) -> String {
    let (entity, verb) = subject.as_str().split_once(':').unwrap();
    let (first, rest) = verb.split_at(1);
    format!("{entity}{}{rest}", first.to_uppercase())
}

pub(crate) fn document() -> Value {
    let events = Subject::ALL.map(describe);
    let by_key = |describe: fn(&EventDescription) -> Value| -> Map<String, Value> {
        let entries = events.iter();
        let entries = entries.map(|event| (key(event.subject), describe(event)));
        entries.collect()
    };
    let services = DEFINITIONS.map(|service| json!({ "name": service.name }));
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "events",
            "version": base::BUILD_INFO.version,
            "description": DESCRIPTION,
            "license": { "name": env!("CARGO_PKG_LICENSE") },
            "tags": services,
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "nats-srv:4222",
                "protocol": "nats",
                "description": "NATS 2.12 or later, with JetStream: one stream keeps every event for seven days.",
            },
        },
        "channels": by_key(channel),
        "operations": operations(),
        "components": { "messages": by_key(message), "schemas": schemas() },
    })
}

fn channel(event: &EventDescription) -> Value {
    let key = key(event.subject);
    json!({
        "address": event.subject.as_str(),
        "description": event.summary,
        "messages": { &key: { "$ref": format!("#/components/messages/{key}") } },
    })
}

fn message(event: &EventDescription) -> Value {
    let payload: Value = serde_json::from_str(event.example).unwrap();
    let sender = DEFINITIONS
        .iter()
        .find(|service| service.publishes.contains(&event.subject))
        .map_or("nobody", |service| service.name);
    json!({
        "name": event.subject.as_str(),
        "title": event.subject.as_str(),
        "summary": event.summary,
        "contentType": "application/json",
        "headers": { "$ref": "#/components/schemas/EventHeaders" },
        "payload": { "$ref": format!("#/components/schemas/{}", event.payload) },
        "examples": [{
            "headers": {
                "ce-specversion": "1.0",
                "ce-id": "64b7f0c2a1b2c3d4e5f60718-3-65f1c0ffee0123456789abcd",
                "ce-type": event.subject.as_str(),
                "ce-source": format!("/{sender}"),
                "ce-time": "2026-11-21T10:15:00.000Z",
                "content-type": "application/json",
                "Nats-Msg-Id": "64b7f0c2a1b2c3d4e5f60718-3-65f1c0ffee0123456789abcd",
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            },
            "payload": payload,
        }],
    })
}

/// The publishers and consumers of each event.
fn operations() -> Map<String, Value> {
    let mut operations = Map::new();
    for service in DEFINITIONS {
        for &subject in service.publishes {
            let operation = operation("send", service, subject, "Publishes its own changes");
            operations.insert(format!("{}.send.{}", service.name, key(subject)), operation);
        }
        if let Some(group) = service.queue_group {
            for &subject in group.subjects {
                let summary = "Handles it in one of its processes";
                let mut operation = operation("receive", service, subject, summary);
                operation["bindings"] = json!({ "nats": { "queue": group.name } });
                operations.insert(
                    format!("{}.receive.{}", service.name, key(subject)),
                    operation,
                );
            }
        }
        for (verb, summary, subjects) in [
            (
                "show",
                "Forwards it to live feeds, in each of its processes",
                service.feed,
            ),
            (
                "recall",
                "Reads its history when a worker starts",
                service.history,
            ),
        ] {
            for &subject in subjects {
                let operation = operation("receive", service, subject, summary);
                operations.insert(
                    format!("{}.{verb}.{}", service.name, key(subject)),
                    operation,
                );
            }
        }
    }
    operations
}

fn operation(action: &str, service: &Definition, subject: Subject, summary: &str) -> Value {
    let key = key(subject);
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{key}") },
        "summary": summary,
        "tags": [{ "name": service.name }],
        "messages": [{ "$ref": format!("#/channels/{key}/messages/{key}") }],
    })
}

fn schemas() -> Map<String, Value> {
    let mut found = Vec::new();
    let mut schemas = Map::new();
    add::<TicketState>(&mut schemas, &mut found);
    add::<OrderState>(&mut schemas, &mut found);
    add::<PaymentState>(&mut schemas, &mut found);
    add::<ExpirationState>(&mut schemas, &mut found);
    for (name, schema) in found {
        schemas.insert(name, serde_json::to_value(schema).unwrap());
    }
    schemas.insert("EventHeaders".to_owned(), headers());
    schemas
}

fn add<T: ToSchema>(schemas: &mut Map<String, Value>, parts: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.insert(
        T::name().into_owned(),
        serde_json::to_value(T::schema()).unwrap(),
    );
    T::schemas(parts);
}

fn headers() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "CloudEvents attributes, the broker's headers and the trace context.",
        "required": ["ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time", "content-type", "Nats-Msg-Id"],
        "properties": {
            "ce-specversion": { "type": "string", "const": "1.0", "description": "The version of CloudEvents." },
            "ce-id": text("The event's id, globally unique. A repeated publication has the same id."),
            "ce-type": text("The subject."),
            "ce-source": text("`/` and the name of the publishing service."),
            "ce-time": {
                "type": "string",
                "format": "date-time",
                "description": "The time of the change: RFC 3339 in UTC, with milliseconds and `Z`.",
            },
            "content-type": { "type": "string", "const": "application/json", "description": "The content type of the body." },
            "Nats-Msg-Id": text("The same as `ce-id`. The stream drops duplicates within ten minutes."),
            "traceparent": text("The W3C trace context of the cause, if it was traced."),
            "tracestate": text("Vendor-specific trace data."),
        },
    })
}
