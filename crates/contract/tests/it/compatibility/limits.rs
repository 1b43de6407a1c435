//! Bounds of numbers and texts. Input may not become more restricted, output not less.

use serde_json::Value;

use super::Direction;

/// Bounds that allow more when they grow.
const UPPER: [&str; 4] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];

/// Bounds that allow more when they shrink.
const LOWER: [&str; 4] = ["minimum", "exclusiveMinimum", "minLength", "minItems"];

/// Rules that cannot be compared with each other. Each is stricter than no rule.
const RULES: [&str; 3] = ["pattern", "format", "multipleOf"];

/// The changes of bounds that break writers or readers of the value.
pub(super) fn limit_changes(direction: Direction, old: &Value, new: &Value) -> Vec<String> {
    let bounds = UPPER
        .iter()
        .map(|name| (name, true))
        .chain(LOWER.iter().map(|name| (name, false)));
    let bounds = bounds.filter(|(name, upper)| {
        let (old, new) = (old[**name].as_f64(), new[**name].as_f64());
        let (written, read) = match direction {
            Direction::Input => (old, new),
            Direction::Output => (new, old),
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
            Direction::Input => &new[**name],
            Direction::Output => &old[**name],
        };
        !read.is_null() && old[**name] != new[**name]
    });
    bounds
        .map(|(name, _)| name)
        .chain(rules)
        .map(|name| format!("`{name}` changed from {} to {}", old[*name], new[*name]))
        .collect()
}
