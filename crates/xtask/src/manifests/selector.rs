//! Label selectors, as Kubernetes reads them.

use serde_json::Value;

use super::object::{Labels, items, text, texts};

/// Whether a `LabelSelector` selects something with these labels. An empty one selects everything.
pub(crate) fn selects(selector: &Value, labels: &Labels<'_>) -> bool {
    has_all(&texts(&selector["matchLabels"]), labels)
        && items(&selector["matchExpressions"])
            .iter()
            .all(|expression| holds(expression, labels))
}

/// Whether all of `wanted` are among the labels.
pub(crate) fn has_all(wanted: &Labels<'_>, labels: &Labels<'_>) -> bool {
    wanted
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}

fn holds(expression: &Value, labels: &Labels<'_>) -> bool {
    let value = labels.get(text(expression, "key"));
    let listed = || {
        let mut values = items(&expression["values"]).iter();
        values.any(|listed| listed.as_str() == value.copied())
    };
    match text(expression, "operator") {
        "In" => value.is_some() && listed(),
        "NotIn" => value.is_none() || !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_and_expressions_must_all_hold() {
        let labels = Labels::from([("app", "nats"), ("role", "broker")]);
        let selected = |selector: Value| selects(&selector, &labels);
        assert!(selected(json!({})));
        assert!(selected(json!({"matchLabels": {"app": "nats"}})));
        assert!(!selected(
            json!({"matchLabels": {"app": "nats", "role": "x"}})
        ));
        let expression = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        assert!(selected(expression("app", "In", &["nats", "redis"])));
        assert!(!selected(expression("app", "NotIn", &["nats"])));
        assert!(selected(expression("zone", "NotIn", &["a"])));
        assert!(!selected(expression("zone", "Exists", &[])));
        assert!(selected(expression("zone", "DoesNotExist", &[])));
    }
}
