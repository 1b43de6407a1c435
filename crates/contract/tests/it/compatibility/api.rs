//! Breaking changes of an OpenAPI document.

use serde_json::Value;

use super::schema::Comparison;
use super::{Direction, is_true, members, text};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// The changes in `new` that break clients of `old`.
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
                comparison.breaks.add(place, "the operation was removed");
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
            self.breaks.add(place, "it now requires a session");
        }
        self.parameters(place, old, new);
        self.request_body(place, &old["requestBody"], &new["requestBody"]);
        self.responses(place, &old["responses"], &new["responses"]);
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
                None => self.breaks.add(place, "the parameter was removed"),
                Some(now) => {
                    self.schema(
                        &place,
                        Direction::Input,
                        &parameter["schema"],
                        &now["schema"],
                    );
                }
            }
        }
        let required = of(new)
            .map(|parameter| after.resolve(parameter))
            .filter(|now| is_true(&now["required"]));
        for parameter in required {
            let mut before = of(old).map(|parameter| before.resolve(parameter));
            let was_required =
                before.any(|before| same(before, parameter) && is_true(&before["required"]));
            if !was_required {
                let place = format!("{place} ?{}", text(&parameter["name"]));
                self.breaks.add(place, "the parameter is now required");
            }
        }
    }

    fn request_body(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        let (old, new) = (self.old.resolve(old), self.new.resolve(new));
        if is_true(&new["required"]) && !is_true(&old["required"]) {
            self.breaks.add(place, "the body is now required");
        }
        for (kind, content) in members(&old["content"]) {
            let now = &new["content"][kind];
            if now.is_null() {
                self.breaks
                    .add(place, format!("it no longer accepts {kind}"));
            } else {
                let place = format!("{place} body");
                self.schema(&place, Direction::Input, &content["schema"], &now["schema"]);
            }
        }
    }

    fn responses(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        for (status, response) in members(old) {
            let place = format!("{place} {status}");
            if new[status].is_null() {
                self.breaks.add(place, "the response was removed");
            } else {
                self.response(&place, response, &new[status]);
            }
        }
        // New failures are compatible: a client treats an unknown 4xx like any other, since all have the same body.
        for (status, _) in members(new).filter(|(status, _)| old[*status].is_null()) {
            if status.starts_with(['1', '2', '3']) || status == "default" {
                self.breaks
                    .add(format!("{place} {status}"), "the response is new");
            }
        }
    }

    fn response(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        let (old, new) = (self.old.resolve(old), self.new.resolve(new));
        for (name, header) in members(&old["headers"]) {
            let now = &new["headers"][name];
            let place = format!("{place} {name}");
            if now.is_null() {
                self.breaks.add(place, "the header was removed");
            } else {
                self.schema(&place, Direction::Output, &header["schema"], &now["schema"]);
            }
        }
        for (kind, content) in members(&old["content"]) {
            let now = &new["content"][kind];
            if now.is_null() {
                self.breaks
                    .add(place, format!("it no longer returns {kind}"));
            } else {
                self.schema(place, Direction::Output, &content["schema"], &now["schema"]);
            }
        }
    }
}

/// Whether every alternative of the operation's security demands something.
fn needs_session(operation: &Value) -> bool {
    let alternatives = operation["security"].as_array();
    alternatives
        .is_some_and(|all| !all.is_empty() && all.iter().all(|one| members(one).next().is_some()))
}
