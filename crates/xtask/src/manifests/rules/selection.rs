//! Selectors select something; ports and targets exist.

use serde_json::Value;

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Object, Pod, items, text, texts};
use crate::manifests::selector::{selects, selects_pod};

/// Labels of pods that are not in the manifests: cert-manager's temporary solvers.
const EXTERNAL_PODS: [&str; 1] = ["acme.cert-manager.io/http01-solver"];

/// The pods that a Service, a budget or a policy selects.
fn selected<'a>(inspection: &Inspection<'a>, object: &Object) -> Option<Vec<Pod<'a>>> {
    let selector = match object.kind() {
        "Service" | "PodDisruptionBudget" => object.at(&["spec", "selector"]),
        "NetworkPolicy" => object.at(&["spec", "podSelector"]),
        _ => return None,
    };
    let is_service = object.is("Service");
    if is_service && selector.is_null() {
        return None;
    }
    let fits = |pod: &Pod<'_>| {
        if is_service {
            selects_pod(object, pod)
        } else {
            selects(selector, &pod.labels())
        }
    };
    Some(inspection.pods().filter(fits).collect())
}

/// Every selector selects a pod, and a workload selects its own pods.
pub(super) fn selectors_match(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in &inspection.overlay.objects {
        let labels = texts(object.at(&["spec", "podSelector", "matchLabels"]));
        let is_external = EXTERNAL_PODS.iter().any(|label| labels.contains_key(label));
        if !is_external && selected(inspection, object).is_some_and(|pods| pods.is_empty()) {
            findings.push(Finding::new(
                object,
                "it selects no pod",
                "correct its selector",
            ));
        }
        findings.extend(peers_match(inspection, object));
    }
    for pod in inspection.pods() {
        let labels = pod.labels();
        let own = pod.owner.at(&["spec", "selector"]);
        if !own.is_null() && !selects(own, &labels) {
            findings.push(Finding::new(
                pod.owner,
                "it does not select its own pods",
                "correct its selector",
            ));
        }
        for constraint in items(&pod.spec()["topologySpreadConstraints"]) {
            if !selects(&constraint["labelSelector"], &labels) {
                findings.push(Finding::new(
                    pod.owner,
                    format!(
                        "its spread constraint over {} does not select its own pods",
                        text(constraint, "topologyKey")
                    ),
                    "correct the constraint's labelSelector",
                ));
            }
        }
    }
    findings
}

/// The pods of this namespace that a policy selects as peers exist.
fn peers_match(inspection: &Inspection<'_>, policy: &Object) -> Vec<Finding> {
    if !policy.is("NetworkPolicy") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        let rules = items(policy.at(&["spec", rules])).iter();
        for peer in rules.flat_map(|rule| items(&rule[peers])) {
            let is_here = peer["namespaceSelector"].is_null() && !peer["podSelector"].is_null();
            let mut pods = inspection.pods();
            if is_here && !pods.any(|pod| selects(&peer["podSelector"], &pod.labels())) {
                findings.push(Finding::new(
                    policy,
                    format!("no pod matches its peer {}", peer["podSelector"]),
                    "correct the podSelector",
                ));
            }
        }
    }
    findings
}

/// The target ports of Services, the ports of probes and the targets of autoscalers exist.
pub(super) fn ports_exist(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in inspection.of_kind("Service") {
        let pods = selected(inspection, service).unwrap_or_default();
        for port in items(service.at(&["spec", "ports"])) {
            let target = if port["targetPort"].is_null() {
                &port["port"]
            } else {
                &port["targetPort"]
            };
            if pods.iter().any(|pod| pod.port(target).is_none()) {
                findings.push(Finding::new(
                    service,
                    format!("its pods have no port {target}"),
                    "name a containerPort of the pods as targetPort",
                ));
            }
        }
    }
    for pod in inspection.pods() {
        findings.extend(probes_have_ports(&pod));
    }
    for scaler in inspection.of_kind("HorizontalPodAutoscaler") {
        let target = scaler.at(&["spec", "scaleTargetRef"]);
        if inspection
            .find(text(target, "kind"), text(target, "name"))
            .is_none()
        {
            findings.push(Finding::new(
                scaler,
                format!(
                    "there is no {} {} to scale",
                    text(target, "kind"),
                    text(target, "name")
                ),
                "correct its scaleTargetRef",
            ));
        }
    }
    findings
}

fn probes_have_ports(pod: &Pod<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for container in pod.containers() {
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            for kind in ["httpGet", "tcpSocket"] {
                let port = &container.value[probe][kind]["port"];
                let exists = match port {
                    Value::Null => true,
                    Value::String(name) => container.port(name).is_some(),
                    number => items(&container.value["ports"])
                        .iter()
                        .any(|port| port["containerPort"] == *number),
                };
                if !exists {
                    findings.push(Finding::new(
                        pod.owner,
                        format!(
                            "the {probe} of {} uses the port {port}, which it does not have",
                            container.name()
                        ),
                        "name one of its ports",
                    ));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds};
    use super::*;

    const POD: &str = "
kind: Deployment
metadata: { name: it }
spec:
  selector: { matchLabels: { app: it } }
  template:
    metadata: { labels: { app: it } }
    spec:
      containers:
        - name: main
          ports: [{ name: api, containerPort: 3000 }]
---
";

    fn with(object: &str) -> String {
        format!("{POD}{object}")
    }

    #[test]
    fn every_selector_selects_a_pod() {
        let cases = [
            "kind: Service\nmetadata: { name: a }\nspec: { selector: { app: it } }",
            "kind: PodDisruptionBudget\nmetadata: { name: a }\nspec: { selector: { matchLabels: { app: it } } }",
            "kind: NetworkPolicy\nmetadata: { name: a }\nspec: { podSelector: { matchLabels: { app: it } } }",
        ];
        for object in cases {
            assert_clean(selectors_match, &with(object));
            assert_finds(
                selectors_match,
                &with(&object.replace("app: it", "app: at")),
                &["/a", "selects no pod"],
            );
        }
    }

    #[test]
    fn a_workload_selects_and_spreads_its_own_pods() {
        let other = POD.replace("matchLabels: { app: it }", "matchLabels: { app: at }");
        assert_finds(selectors_match, &other, &["its own pods"]);
        let spread = "    spec:\n      topologySpreadConstraints: [{ topologyKey: zone, labelSelector: { matchLabels: { app: at } } }]\n";
        assert_finds(
            selectors_match,
            &POD.replace("    spec:\n", spread),
            &["over zone"],
        );
    }

    #[test]
    fn peers_of_a_policy_exist() {
        let policy = "kind: NetworkPolicy\nmetadata: { name: a }\nspec: { podSelector: {}, egress: [{ to: [{ podSelector: { matchLabels: { app: it } } }] }] }";
        assert_clean(selectors_match, &with(policy));
        assert_finds(
            selectors_match,
            &with(&policy.replace("app: it", "app: at")),
            &["peer", "at"],
        );
    }

    #[test]
    fn ports_and_targets_exist() {
        let service = "kind: Service\nmetadata: { name: a }\nspec: { selector: { app: it }, ports: [{ port: 80, targetPort: api }] }";
        assert_clean(ports_exist, &with(service));
        assert_finds(
            ports_exist,
            &with(&service.replace("targetPort: api", "targetPort: apis")),
            &["apis"],
        );
        assert_finds(
            ports_exist,
            &with(&service.replace(", targetPort: api", "")),
            &["no port 80"],
        );
        let probed = POD.replace(
            "- name: main",
            "- name: main\n          livenessProbe: { httpGet: { port: admin } }",
        );
        assert_finds(ports_exist, &probed, &["livenessProbe", "admin"]);
        let scaler = "kind: HorizontalPodAutoscaler\nmetadata: { name: a }\nspec: { scaleTargetRef: { kind: Deployment, name: it } }";
        assert_clean(ports_exist, &with(scaler));
        assert_finds(
            ports_exist,
            &with(&scaler.replace("name: it", "name: at")),
            &["Deployment at"],
        );
    }
}
