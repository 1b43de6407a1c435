//! Detects breaking changes between two versions of a document. [`rules`](crate::rules) tests each rule.
//!
//! A client sends requests and reads responses. A change is compatible if everything that a client may send is still
//! accepted, and everything that it may receive is already known to it. Events must satisfy both directions: running
//! consumers must be able to read new events, and new consumers must be able to read stored events.

mod api;
mod events;
mod limits;
mod reference;
mod schema;

use std::fmt::Display;

use serde_json::{Map, Value};

pub(crate) use api::api_changes;
pub(crate) use events::event_changes;

/// The direction of a value, as seen by the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Clients write it and the service reads it.
    Input,
    /// The service writes it and clients read it.
    Output,
}

/// The breaking changes found so far, each with its location.
#[derive(Debug, Default)]
struct Breaks(Vec<String>);

impl Breaks {
    fn add(&mut self, place: impl Display, change: impl Display) {
        let line = format!("{place}: {change}");
        if !self.0.contains(&line) {
            self.0.push(line);
        }
    }
}

/// The members of an object; none if the value is not an object.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true)
}
