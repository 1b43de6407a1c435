//! What in a document breaks those who rely on another: the rules, each of which is shown to bite in
//! [`rules`](crate::rules).
//!
//! A client sends requests and reads answers. It may go on as it did if all that it sends is still taken, and all that
//! it is answered is something that it knows. Whoever reads events does both: what is published must be known to the
//! readers that are there, and what was published must be readable to those that come.

mod api;
mod events;
mod limits;
mod reference;
mod schema;

use std::fmt::Display;

use serde_json::{Map, Value};

pub(crate) use api::api_changes;
pub(crate) use events::event_changes;

/// What is written by the one and read by the other, as the owner of the document sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Others write it and we read it.
    Taken,
    /// We write it and others read it.
    Given,
}

/// Collects what breaks, each with its place.
#[derive(Debug, Default)]
struct Breaks(Vec<String>);

impl Breaks {
    fn note(&mut self, place: impl Display, what: impl Display) {
        let line = format!("{place}: {what}");
        if !self.0.contains(&line) {
            self.0.push(line);
        }
    }
}

/// The members of an object; none if it is no object.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true)
}
