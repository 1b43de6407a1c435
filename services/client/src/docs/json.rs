//! Access to JSON documents with references.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// An OpenAPI or AsyncAPI document.
#[derive(Debug)]
pub(super) struct Document(Value);

impl Document {
    /// Parses one of the contract's documents.
    pub(super) fn parse(json: &str) -> Self {
        Self(serde_json::from_str(json).expect("the contract's documents are JSON"))
    }

    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    pub(super) fn text(&self, pointer: &str) -> &str {
        text(self.at(pointer))
    }

    /// The part with its reference resolved. Members next to the reference override those of its target.
    pub(super) fn resolve<'a>(&'a self, part: &'a Value) -> Cow<'a, Value> {
        let Some(reference) = part["$ref"].as_str() else {
            return Cow::Borrowed(part);
        };
        let target = self.resolve(self.at(reference.trim_start_matches('#')));
        let overrides = members(part).filter(|(name, _)| *name != "$ref");
        let mut whole = target.into_owned();
        if let Some(members) = whole.as_object_mut() {
            members.extend(overrides.map(|(name, value)| (name.clone(), value.clone())));
        }
        Cow::Owned(whole)
    }
}

pub(super) fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

pub(super) fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn owned(value: &Value) -> String {
    text(value).to_owned()
}

/// The paragraphs of a text, each on one line.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    let paragraphs = text
        .split("\n\n")
        .map(|lines| lines.trim().replace('\n', " "));
    paragraphs
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
}

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
