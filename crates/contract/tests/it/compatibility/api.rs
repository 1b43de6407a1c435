//! What in an API's document (OpenAPI) breaks its clients.

use serde_json::Value;

use super::schema::Comparison;
use super::{Direction, is_true, members, text};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// What in `new` breaks the clients of `old`.
pub(crate) fn api_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison::new(old, new);
    for (path, item) in members(&old["paths"]) {
        for method in METHODS
            .into_iter()
            .filter(|method| item[*method].is_object())
        {
            let place = format!("{} {path}", method.to_uppercase());
            let now = &new["paths"][path][method];
            if now.is_null() {
                comparison.breaks.note(place, "the operation is gone");
            } else {
                comparison.operation(&place, &item[method], now);
            }
        }
    }
    comparison.breaks.0
}

impl<'a> Comparison<'a> {
    fn operation(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        if !needs_session(old) && needs_session(new) {
            self.breaks.note(place, "it has come to need a session");
        }
        self.parameters(place, old, new);
        self.request_body(place, &old["requestBody"], &new["requestBody"]);
        self.answers(place, &old["responses"], &new["responses"]);
    }

    fn parameters(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        let of = |operation: &'a Value| operation["parameters"].as_array().into_iter().flatten();
        let same =
            |one: &Value, other: &Value| one["in"] == other["in"] && one["name"] == other["name"];
        let (before, after) = (self.old, self.new);
        for parameter in of(old).map(|parameter| before.resolve(parameter)) {
            let place = format!("{place} ?{}", text(&parameter["name"]));
            let mut now = of(new).map(|parameter| after.resolve(parameter));
            match now.find(|now| same(now, parameter)) {
                None => self.breaks.note(place, "the parameter is gone"),
                Some(now) => {
                    self.schema(
                        &place,
                        Direction::Taken,
                        &parameter["schema"],
                        &now["schema"],
                    );
                }
            }
        }
        let needed = of(new)
            .map(|parameter| after.resolve(parameter))
            .filter(|now| is_true(&now["required"]));
        for parameter in needed {
            let mut before = of(old).map(|parameter| before.resolve(parameter));
            let needed_before =
                before.any(|before| same(before, parameter) && is_true(&before["required"]));
            if !needed_before {
                let place = format!("{place} ?{}", text(&parameter["name"]));
                self.breaks.note(place, "the parameter has become required");
            }
        }
    }

    fn request_body(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        let (old, new) = (self.old.resolve(old), self.new.resolve(new));
        if is_true(&new["required"]) && !is_true(&old["required"]) {
            self.breaks.note(place, "its body has become required");
        }
        for (kind, content) in members(&old["content"]) {
            let now = &new["content"][kind];
            if now.is_null() {
                self.breaks
                    .note(place, format!("it takes no {kind} any more"));
            } else {
                let place = format!("{place} body");
                self.schema(&place, Direction::Taken, &content["schema"], &now["schema"]);
            }
        }
    }

    fn answers(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        for (status, answer) in members(old) {
            let place = format!("{place} {status}");
            if new[status].is_null() {
                self.breaks.note(place, "the answer is gone");
            } else {
                self.answer(&place, answer, &new[status]);
            }
        }
        // A client takes an unknown 4xx for a failure, and knows what failures look like.
        for (status, _) in members(new).filter(|(status, _)| old[*status].is_null()) {
            if status.starts_with(['1', '2', '3']) || status == "default" {
                self.breaks
                    .note(format!("{place} {status}"), "it was never answered before");
            }
        }
    }

    fn answer(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        let (old, new) = (self.old.resolve(old), self.new.resolve(new));
        for (name, header) in members(&old["headers"]) {
            let now = &new["headers"][name];
            let place = format!("{place} {name}");
            if now.is_null() {
                self.breaks.note(place, "the header is gone");
            } else {
                self.schema(&place, Direction::Given, &header["schema"], &now["schema"]);
            }
        }
        for (kind, content) in members(&old["content"]) {
            let now = &new["content"][kind];
            if now.is_null() {
                self.breaks.note(place, format!("it is no {kind} any more"));
            } else {
                self.schema(place, Direction::Given, &content["schema"], &now["schema"]);
            }
        }
    }
}

/// Whether nobody may do it without a session.
fn needs_session(operation: &Value) -> bool {
    let ways = operation["security"].as_array();
    ways.is_some_and(|ways| {
        !ways.is_empty() && ways.iter().all(|way| members(way).next().is_some())
    })
}
