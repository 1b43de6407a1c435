//! Label selectors with the semantics of Kubernetes.

use serde_json::Value;

use super::object::{Labels, Object, Pod, items, text, texts};

/// The label with the name of a `StatefulSet`'s pod. The controller sets it, so manifests do not contain it.
pub(crate) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

/// Whether a `LabelSelector` selects these labels. An empty selector selects everything.
pub(crate) fn selects(selector: &Value, labels: &Labels<'_>) -> bool {
    has_all(&texts(&selector["matchLabels"]), labels)
        && items(&selector["matchExpressions"])
            .iter()
            .all(|expression| matches(expression, labels))
}

/// Whether a Service selects the pod, or one pod of a `StatefulSet` by its name.
pub(crate) fn selects_pod(service: &Object, pod: &Pod<'_>) -> bool {
    let mut wanted = texts(service.at(&["spec", "selector"]));
    let has_name = wanted
        .remove(POD_NAME)
        .is_none_or(|name| is_pod_of(pod.owner, name));
    has_name && has_all(&wanted, &pod.labels())
}

fn is_pod_of(owner: &Object, name: &str) -> bool {
    let ordinal = name.strip_prefix(owner.name());
    let ordinal = ordinal.and_then(|rest| rest.strip_prefix('-')?.parse::<u64>().ok());
    owner.is("StatefulSet") && ordinal.is_some_and(|ordinal| ordinal < owner.replicas())
}

/// Whether the labels include all of `wanted`.
fn has_all(wanted: &Labels<'_>, labels: &Labels<'_>) -> bool {
    wanted
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}

fn matches(expression: &Value, labels: &Labels<'_>) -> bool {
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

    use super::super::object::read_all;
    use super::*;

    #[test]
    fn a_service_can_select_one_pod_of_a_stateful_set() {
        let selected = |pod: &str| {
            let yaml = format!(
                "kind: StatefulSet\nmetadata: {{ name: db }}\nspec: {{ replicas: 2, template: {{ metadata: {{ labels: {{ app: db }} }} }} }}\n---\nkind: Service\nspec: {{ selector: {{ app: db, statefulset.kubernetes.io/pod-name: {pod} }} }}"
            );
            let objects = read_all(&yaml).unwrap();
            selects_pod(&objects[1], &objects[0].pod().unwrap())
        };
        assert!(selected("db-0") && selected("db-1"));
        assert!(!selected("db-2") && !selected("db") && !selected("other-0"));
    }

    #[test]
    fn labels_and_expressions_must_all_match() {
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
