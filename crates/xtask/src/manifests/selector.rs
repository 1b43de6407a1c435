//! Label selectors, as Kubernetes reads them.

use serde_json::Value;

use super::object::{Labels, Object, Pod, items, text, texts};

/// The label that tells the pods of a `StatefulSet` apart. Its controller sets it, so no manifest shows it.
pub(crate) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

/// Whether a `LabelSelector` selects something with these labels. An empty one selects everything.
pub(crate) fn selects(selector: &Value, labels: &Labels<'_>) -> bool {
    has_all(&texts(&selector["matchLabels"]), labels)
        && items(&selector["matchExpressions"])
            .iter()
            .all(|expression| holds(expression, labels))
}

/// Whether a Service leads to the pod. One that names a single pod of a `StatefulSet` leads to it if there are so many.
pub(crate) fn leads_to(service: &Object, pod: &Pod<'_>) -> bool {
    let mut wanted = texts(service.at(&["spec", "selector"]));
    let is_named = wanted
        .remove(POD_NAME)
        .is_none_or(|name| is_pod_of(pod.owner, name));
    is_named && has_all(&wanted, &pod.labels())
}

fn is_pod_of(owner: &Object, name: &str) -> bool {
    let ordinal = name.strip_prefix(owner.name());
    let ordinal = ordinal.and_then(|rest| rest.strip_prefix('-')?.parse::<u64>().ok());
    owner.is("StatefulSet") && ordinal.is_some_and(|ordinal| ordinal < owner.replicas())
}

/// Whether all of `wanted` are among the labels.
fn has_all(wanted: &Labels<'_>, labels: &Labels<'_>) -> bool {
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

    use super::super::object::read_all;
    use super::*;

    #[test]
    fn a_service_may_lead_to_one_pod_of_a_stateful_set() {
        let leads = |pod: &str| {
            let yaml = format!(
                "kind: StatefulSet\nmetadata: {{ name: db }}\nspec: {{ replicas: 2, template: {{ metadata: {{ labels: {{ app: db }} }} }} }}\n---\nkind: Service\nspec: {{ selector: {{ app: db, statefulset.kubernetes.io/pod-name: {pod} }} }}"
            );
            let objects = read_all(&yaml).unwrap();
            leads_to(&objects[1], &objects[0].pod().unwrap())
        };
        assert!(leads("db-0") && leads("db-1"));
        assert!(!leads("db-2") && !leads("db") && !leads("other-0"));
    }

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
