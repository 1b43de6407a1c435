//! Breaking changes of the AsyncAPI document.

use serde_json::Value;

use super::schema::Comparison;
use super::{Direction, members, text};

/// The changes in `new` that break services built for `old` or make their stored events unreadable.
pub(crate) fn event_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison::new(old, new);
    for (key, channel) in members(&old["channels"]) {
        let now = &new["channels"][key];
        if now.is_null() {
            comparison.breaks.add(key, "the channel was removed");
        } else if channel["address"] != now["address"] {
            let what = format!(
                "the subject changed from {} to {}",
                text(&channel["address"]),
                text(&now["address"])
            );
            comparison.breaks.add(key, what);
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
            comparison.breaks.add(key, "the operation was removed");
        } else if operation["bindings"] != now["bindings"] {
            // A new durable consumer starts from scratch, so events that the old one has not handled are lost.
            comparison.breaks.add(key, "the queue group changed");
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
                    .add(subject, format!("the message {key} was removed"));
                continue;
            }
            let (message, now) = (self.old.resolve(message), self.new.resolve(now));
            for direction in [Direction::Output, Direction::Input] {
                self.schema(subject, direction, &message["payload"], &now["payload"]);
                let place = format!("{subject} headers");
                self.schema(&place, direction, &message["headers"], &now["headers"]);
            }
        }
    }
}
