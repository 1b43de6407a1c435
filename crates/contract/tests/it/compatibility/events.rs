//! What in the events' document (AsyncAPI) breaks those who send and receive them.

use serde_json::Value;

use super::schema::Comparison;
use super::{Direction, members, text};

/// What in `new` breaks the services that go by `old`, or leaves unreadable what they published.
pub(crate) fn event_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison::new(old, new);
    for (key, channel) in members(&old["channels"]) {
        let now = &new["channels"][key];
        if now.is_null() {
            comparison.breaks.note(key, "the channel is gone");
        } else if channel["address"] != now["address"] {
            let what = format!(
                "its subject was {} and is {}",
                text(&channel["address"]),
                text(&now["address"])
            );
            comparison.breaks.note(key, what);
        } else {
            comparison.messages(
                text(&channel["address"]),
                &channel["messages"],
                &now["messages"],
            );
        }
    }
    for (key, operation) in members(&old["operations"]) {
        let now = &new["operations"][key];
        if now.is_null() {
            comparison.breaks.note(key, "nobody does this any more");
        } else if operation["bindings"] != now["bindings"] {
            // Another durable consumer begins anew, and what the old one had not read is lost to it.
            comparison.breaks.note(key, "its queue group is another");
        }
    }
    comparison.breaks.0
}

impl<'a> Comparison<'a> {
    fn messages(&mut self, subject: &str, old: &'a Value, new: &'a Value) {
        for (key, message) in members(old) {
            let now = &new[key];
            if now.is_null() {
                self.breaks
                    .note(subject, format!("the message {key} is gone"));
                continue;
            }
            let (message, now) = (self.old.resolve(message), self.new.resolve(now));
            for direction in [Direction::Given, Direction::Taken] {
                self.schema(subject, direction, &message["payload"], &now["payload"]);
                let place = format!("{subject} headers");
                self.schema(&place, direction, &message["headers"], &now["headers"]);
            }
        }
    }
}
