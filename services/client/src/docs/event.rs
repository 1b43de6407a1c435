//! The events and the roles of the services.

use serde_json::Value;

use super::json::{Document, elements, members, owned, pretty, text};
use super::schema::{Field, fields};

/// An event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) subject: String,
    pub(crate) summary: String,
    /// What services do with it, publishers first.
    pub(crate) roles: Vec<Role>,
    pub(crate) fields: Vec<Field>,
    pub(crate) example: String,
}

/// What a service does with an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) service: String,
    pub(crate) kind: Kind,
    pub(crate) summary: String,
    /// The queue group of a consumer.
    pub(crate) queue: Option<String>,
}

/// The kind of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It publishes the event.
    Publisher,
    /// One of its processes handles the event.
    Consumer,
    /// Each of its processes reads the event.
    Reader,
}

/// All events of the document.
pub(super) fn all(document: &Document) -> Vec<Event> {
    let channels = members(document.at("/channels"));
    channels
        .map(|(key, channel)| event(document, key, channel))
        .collect()
}

/// The headers of all events.
pub(super) fn headers(document: &Document) -> Vec<Field> {
    fields(document, document.at("/components/schemas/EventHeaders"))
}

fn event(document: &Document, key: &str, channel: &Value) -> Event {
    let message = document.resolve(&channel["messages"][key]);
    let mut roles: Vec<_> = members(document.at("/operations"))
        .filter(|(_, operation)| text(&operation["channel"]["$ref"]) == format!("#/channels/{key}"))
        .map(|(_, operation)| role(operation))
        .collect();
    roles.sort_by_key(|role| role.kind);
    Event {
        subject: owned(&channel["address"]),
        summary: owned(&channel["description"]),
        roles,
        fields: fields(document, &message["payload"]),
        example: pretty(&message["examples"][0]["payload"]),
    }
}

fn role(operation: &Value) -> Role {
    let queue = operation["bindings"]["nats"]["queue"].as_str();
    let service = elements(&operation["tags"]).next();
    Role {
        service: service.map(|tag| owned(&tag["name"])).unwrap_or_default(),
        kind: match (text(&operation["action"]), queue) {
            ("send", _) => Kind::Publisher,
            (_, Some(_)) => Kind::Consumer,
            (_, None) => Kind::Reader,
        },
        summary: owned(&operation["summary"]),
        queue: queue.map(str::to_owned),
    }
}
