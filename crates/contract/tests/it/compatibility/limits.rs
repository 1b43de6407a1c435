//! Bounds of numbers and texts: what is taken may not be bounded more, what is given not less.

use serde_json::Value;

use super::Direction;

/// Bounds that allow more the higher they are.
const UPPER: [&str; 4] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];

/// Bounds that allow more the lower they are.
const LOWER: [&str; 4] = ["minimum", "exclusiveMinimum", "minLength", "minItems"];

/// Rules that allow less than none does; which of two allows more cannot be told.
const RULES: [&str; 3] = ["pattern", "format", "multipleOf"];

/// What about the bounds breaks those who write or read the value.
pub(super) fn limit_changes(direction: Direction, old: &Value, new: &Value) -> Vec<String> {
    let bounds = UPPER
        .iter()
        .map(|name| (name, true))
        .chain(LOWER.iter().map(|name| (name, false)));
    let bounds = bounds.filter(|(name, upper)| {
        let (old, new) = (old[**name].as_f64(), new[**name].as_f64());
        let (written, read) = match direction {
            Direction::Taken => (old, new),
            Direction::Given => (new, old),
        };
        match (written, read) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(written), Some(read)) => {
                if *upper {
                    read < written
                } else {
                    read > written
                }
            }
        }
    });
    let rules = RULES.iter().filter(|name| {
        let read = match direction {
            Direction::Taken => &new[**name],
            Direction::Given => &old[**name],
        };
        !read.is_null() && old[**name] != new[**name]
    });
    bounds
        .map(|(name, _)| name)
        .chain(rules)
        .map(|name| format!("`{name}` was {} and is {}", old[*name], new[*name]))
        .collect()
}
