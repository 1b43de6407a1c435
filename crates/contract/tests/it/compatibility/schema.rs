//! Breaking changes of a schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::limits::limit_changes;
use super::reference::Document;
use super::{Breaks, Direction, members};

/// Two versions of a document, and the breaking changes found between them.
pub(super) struct Comparison<'a> {
    pub(super) old: Document<'a>,
    pub(super) new: Document<'a>,
    pub(super) breaks: Breaks,
    /// The named schemas under comparison. A schema may refer to itself.
    open: Vec<(String, String)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(old: &'a Value, new: &'a Value) -> Self {
        Self {
            old: Document(old),
            new: Document(new),
            breaks: Breaks::default(),
            open: Vec::new(),
        }
    }

    /// Compares two versions of a schema.
    pub(super) fn schema(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        let names = (reference(old), reference(new));
        if !names.0.is_empty() && self.open.contains(&names) {
            return;
        }
        self.open.push(names);
        self.whole_schema(place, direction, old, new);
        self.open.pop();
    }

    fn whole_schema(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        let (old, new) = (self.old.whole(old), self.new.whole(new));
        if is_choice(&old) || is_choice(&new) {
            self.choice(place, direction, &old, &new);
            return;
        }
        self.types(place, direction, &old, &new);
        self.values(place, direction, &old, &new);
        for what in limit_changes(direction, &old, &new) {
            self.breaks.add(place, what);
        }
        self.properties(place, direction, &old, &new);
        if !old["items"].is_null() {
            self.schema(
                &format!("{place}[]"),
                direction,
                &old["items"],
                &new["items"],
            );
        }
        if !old["additionalProperties"].is_null() || !new["additionalProperties"].is_null() {
            let place = format!("{place}.*");
            self.schema(
                &place,
                direction,
                &old["additionalProperties"],
                &new["additionalProperties"],
            );
        }
    }

    fn types(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        let (old, new) = (types(old), types(new));
        // A schema without types allows all types.
        let (written, read) = match direction {
            Direction::Input => (&old, &new),
            Direction::Output => (&new, &old),
        };
        let known =
            |kind: &String| read.contains(kind) || (kind == "integer" && read.contains("number"));
        let fits = read.is_empty() || (!written.is_empty() && written.iter().all(known));
        if !fits {
            self.breaks
                .add(place, format!("the type changed from {old:?} to {new:?}"));
        }
    }

    fn values(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        let (written, read) = match direction {
            Direction::Input => (values(old), values(new)),
            Direction::Output => (values(new), values(old)),
        };
        let (Some(written), Some(read)) = (&written, &read) else {
            // A reader with a list does not know other values; a reader without a list knows all.
            if read.is_some() {
                self.breaks
                    .add(place, "the list of values was added or removed");
            }
            return;
        };
        for value in written.iter().filter(|value| !read.contains(value)) {
            let what = match direction {
                Direction::Input => "is no longer accepted",
                Direction::Output => "is new",
            };
            self.breaks.add(place, format!("the value {value} {what}"));
        }
    }

    fn properties(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        for (name, schema) in members(&old["properties"]) {
            let place = format!("{place}.{name}");
            let now = &new["properties"][name];
            if now.is_null() {
                self.breaks.add(place, "the field was removed");
                continue;
            }
            if direction == Direction::Output && is_required(old, name) && !is_required(new, name) {
                self.breaks.add(&place, "the field may now be missing");
            }
            self.schema(&place, direction, schema, now);
        }
        let required = new["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if direction == Direction::Input && !is_required(old, name) {
                self.breaks
                    .add(format!("{place}.{name}"), "the field is now required");
            }
        }
    }

    /// Each alternative that is written must be one that is read.
    fn choice(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        let (old, new) = (alternatives(old), alternatives(new));
        let known = match direction {
            Direction::Input => old
                .iter()
                .all(|old| new.iter().any(|new| self.fits(direction, old, new))),
            Direction::Output => new
                .iter()
                .all(|new| old.iter().any(|old| self.fits(direction, old, new))),
        };
        if !known {
            self.breaks
                .add(place, "one alternative is unknown to the reader");
        }
    }

    fn fits(&self, direction: Direction, old: &Value, new: &Value) -> bool {
        let mut trial = Comparison {
            breaks: Breaks::default(),
            open: self.open.clone(),
            ..*self
        };
        trial.schema("", direction, old, new);
        trial.breaks.0.is_empty()
    }
}

fn reference(schema: &Value) -> String {
    schema["$ref"].as_str().unwrap_or_default().to_owned()
}

fn is_choice(schema: &Value) -> bool {
    schema["oneOf"].is_array() || schema["anyOf"].is_array()
}

fn alternatives(schema: &Value) -> Vec<Value> {
    let listed = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    listed.cloned().unwrap_or_else(|| vec![schema.clone()])
}

fn types(schema: &Value) -> BTreeSet<String> {
    match &schema["type"] {
        Value::String(kind) => [kind.clone()].into(),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => BTreeSet::new(),
    }
}

/// The allowed values, if they are listed.
fn values(schema: &Value) -> Option<Vec<Value>> {
    let only = &schema["const"];
    if only.is_null() {
        schema["enum"].as_array().cloned()
    } else {
        Some(vec![only.clone()])
    }
}

fn is_required(schema: &Value, field: &str) -> bool {
    let required = schema["required"].as_array();
    required.is_some_and(|fields| fields.iter().any(|name| name == field))
}
