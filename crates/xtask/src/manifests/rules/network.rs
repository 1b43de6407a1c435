//! NetworkPolicies allow exactly the connections that are needed.

use serde_json::Value;

use crate::manifests::inspection::{Deployed, Finding, Inspection};
use crate::manifests::object::{Object, items, text, texts};
use crate::manifests::selector::selects_pod;
use crate::manifests::traffic::{Side, connection, peers, policies};

/// The label of the namespaces that may read metrics.
const MONITORING: &str = "ticketing.dev/monitoring";

/// One policy denies everything by default, and every pod has a policy of its own.
pub(super) fn denied_by_default(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let denies_all = |policy: &Object| {
        policy
            .at(&["spec", "podSelector"])
            .as_object()
            .is_some_and(serde_json::Map::is_empty)
            && [Side::Ingress, Side::Egress]
                .iter()
                .all(|side| side.restricts(policy))
            && ["ingress", "egress"]
                .iter()
                .all(|rules| items(policy.at(&["spec", rules])).is_empty())
    };
    if inspection.pods().next().is_some() && !inspection.of_kind("NetworkPolicy").any(denies_all) {
        findings.push(Finding::new(
            "NetworkPolicy",
            "connections without a policy are allowed",
            "add one with podSelector: {}, both policyTypes and no rules",
        ));
    }
    for pod in inspection.pods() {
        let own = [Side::Ingress, Side::Egress]
            .into_iter()
            .flat_map(|side| policies(inspection, &pod, side));
        let is_named = |policy: &Object| {
            let selector = policy.at(&["spec", "podSelector"]);
            selector
                .as_object()
                .is_some_and(|selector| !selector.is_empty())
        };
        if !own.into_iter().any(is_named) {
            findings.push(Finding::new(
                pod.owner,
                "no NetworkPolicy selects its pods",
                "add one with its allowed peers",
            ));
        }
    }
    findings
}

/// Only the monitoring reaches the admin ports, and the annotations for scraping are correct.
pub(super) fn admin_ports_are_for_monitoring(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        let pod = deployed.pod;
        let Some(port) = deployed.port("admin") else {
            continue;
        };
        findings.extend(annotations_fit(&deployed, port));
        let peers = peers(inspection, &pod, Side::Ingress, port, &pod);
        if !peers.iter().any(|peer| is_monitoring(peer)) {
            findings.push(Finding::new(
                pod.owner,
                format!("monitoring cannot reach its admin port {port}"),
                format!("allow namespaces with the label {MONITORING}"),
            ));
        }
        for peer in peers.into_iter().filter(|peer| !is_monitoring(peer)) {
            let who = if peer.is_null() {
                "everybody".to_owned()
            } else {
                peer.to_string()
            };
            findings.push(Finding::new(
                pod.owner,
                format!("its admin port is open to {who}"),
                format!("allow only namespaces with the label {MONITORING}"),
            ));
        }
    }
    findings
}

/// The annotations by which Prometheus finds the metrics.
fn annotations_fit(deployed: &Deployed<'_>, port: u64) -> Option<Finding> {
    let annotations = deployed.pod.annotations();
    let annotation = |name: &str| {
        annotations
            .get(format!("prometheus.io/{name}").as_str())
            .copied()
    };
    let path = annotation("path").unwrap_or("/metrics");
    let serves = deployed
        .service
        .admin_paths
        .iter()
        .any(|known| known == path);
    let is_true = serves && annotation("port") == Some(port.to_string().as_str());
    (annotation("scrape") == Some("true") && !is_true).then(|| {
        Finding::new(
            deployed.pod.owner,
            format!("its metrics are not at {path} of the port in prometheus.io/port"),
            format!("set prometheus.io/port to {port} and prometheus.io/path to one of its paths"),
        )
    })
}

/// Services with an API allow connections from another namespace: that of the ingress.
pub(super) fn ingress_reaches_apis(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection
        .deployed()
        .filter(|deployed| !deployed.service.paths.is_empty())
    {
        let Some(port) = deployed.port("api") else {
            continue;
        };
        let peers = peers(
            inspection,
            &deployed.pod,
            Side::Ingress,
            port,
            &deployed.pod,
        );
        let is_other_namespace =
            |peer: &&Value| !peer["namespaceSelector"].is_null() && !is_monitoring(peer);
        if !peers.iter().any(is_other_namespace) {
            findings.push(Finding::new(
                deployed.pod.owner,
                format!("no ingress reaches its port {port}"),
                "allow the namespace of the ingress",
            ));
        }
    }
    findings
}

fn is_monitoring(peer: &Value) -> bool {
    let labels = texts(&peer["namespaceSelector"]["matchLabels"]);
    labels.contains_key(MONITORING) && peer["ipBlock"].is_null()
}

/// Connections to the Services that environment variables name are allowed.
pub(super) fn needed_connections_are_allowed(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        let (from, container) = (deployed.pod, deployed.container);
        for variable in container.environment() {
            let value = text(variable, "value");
            for (service, port) in named_services(inspection, &deployed.service.name, value) {
                for to in inspection.pods().filter(|pod| selects_pod(service, pod)) {
                    let Some(port) = target_port(service, port).and_then(|target| to.port(target))
                    else {
                        findings.push(Finding::new(
                            from.owner,
                            format!(
                                "{} uses the port {port} of {service}, which it does not have",
                                text(variable, "name")
                            ),
                            "name one of its ports",
                        ));
                        continue;
                    };
                    if let Err(side) = connection(inspection, &from, &to, port) {
                        findings.push(Finding::new(
                            from.owner,
                            format!(
                                "{} names {service}, but no policy allows the {side:?} of that connection",
                                text(variable, "name")
                            ),
                            format!("allow connections to {} at port {port}", to.owner),
                        ));
                    }
                }
            }
        }
    }
    findings
}

/// The Services in a text, each with its port. The placeholder `{service}` stands for each of our services with an API
/// except `own`.
pub(super) fn named_services<'a>(
    inspection: &Inspection<'a>,
    own: &str,
    value: &str,
) -> Vec<(&'a Object, u64)> {
    let names: Vec<_> = if value.contains("{service}") {
        let services = inspection.known.services.iter();
        let others = services.filter(|service| service.name != own && !service.paths.is_empty());
        others
            .map(|service| value.replace("{service}", &service.name))
            .collect()
    } else {
        vec![value.to_owned()]
    };
    let mut found = Vec::new();
    for value in &names {
        for service in inspection.of_kind("Service") {
            found.extend(port_behind(value, service.name()).map(|port| (service, port)));
        }
    }
    found
}

/// The port after a host name in a text.
fn port_behind(text: &str, host: &str) -> Option<u64> {
    text.match_indices(host).find_map(|(start, _)| {
        let before = text[..start].chars().next_back();
        let is_whole = before.is_none_or(|letter| "/@,.".contains(letter));
        let digits = text[start + host.len()..].strip_prefix(':')?;
        let end = digits
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(digits.len());
        digits[..end].parse().ok().filter(|_| is_whole)
    })
}

fn target_port(service: &Object, port: u64) -> Option<&Value> {
    let ports = items(service.at(&["spec", "ports"]));
    let port = ports
        .iter()
        .find(|listed| listed["port"].as_u64() == Some(port))?;
    Some(if port["targetPort"].is_null() {
        &port["port"]
    } else {
        &port["targetPort"]
    })
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds, findings};
    use super::*;

    const PODS: &str = "
kind: Deployment
metadata: { name: tickets-depl }
spec:
  template:
    metadata: { labels: { app: tickets } }
    spec:
      containers:
        - { name: service, image: 'a/tickets:1', env: [{ name: NATS_URL, value: 'nats://nats-srv:4222' }] }
---
kind: StatefulSet
metadata: { name: nats }
spec:
  template:
    metadata: { labels: { app: nats } }
    spec:
      containers: [{ name: nats, ports: [{ name: nats, containerPort: 4222 }] }]
---
kind: Service
metadata: { name: nats-srv }
spec: { selector: { app: nats }, ports: [{ port: 4222, targetPort: nats }] }
---
kind: NetworkPolicy
metadata: { name: default }
spec: { podSelector: {}, policyTypes: [Ingress, Egress] }
---
kind: NetworkPolicy
metadata: { name: from-outside }
spec:
  podSelector: { matchLabels: { app: tickets } }
  policyTypes: [Ingress]
  ingress:
    - { from: [{ namespaceSelector: { matchLabels: { name: ingress } } }], ports: [{ port: 3000 }] }
    - { from: [{ namespaceSelector: { matchLabels: { ticketing.dev/monitoring: 'true' } } }], ports: [{ port: 9000 }] }
---
kind: NetworkPolicy
metadata: { name: to-nats }
spec:
  podSelector: { matchLabels: { app: tickets } }
  policyTypes: [Egress]
  egress: [{ to: [{ podSelector: { matchLabels: { app: nats } } }], ports: [{ port: 4222 }] }]
---
kind: NetworkPolicy
metadata: { name: nats }
spec:
  podSelector: { matchLabels: { app: nats } }
  policyTypes: [Ingress]
  ingress: [{ from: [{ podSelector: { matchLabels: { app: tickets } } }], ports: [{ port: nats }] }]
";

    #[test]
    fn policies_that_allow_only_what_is_needed_are_right() {
        assert_clean(denied_by_default, PODS);
        assert_clean(needed_connections_are_allowed, PODS);
        assert_clean(admin_ports_are_for_monitoring, PODS);
        assert_clean(ingress_reaches_apis, PODS);
    }

    #[test]
    fn missing_policies_are_found() {
        let pods = PODS
            .split("kind: NetworkPolicy")
            .next()
            .unwrap()
            .trim_end()
            .trim_end_matches("---");
        let found = findings(denied_by_default, pods);
        assert_eq!(found.len(), 3, "{found:?}");
        let without_egress =
            PODS.replace("policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]");
        assert_finds(denied_by_default, &without_egress, &["without a policy"]);
        let unnamed = PODS.replace(
            "podSelector: { matchLabels: { app: nats } }\n  policyTypes",
            "podSelector: {}\n  policyTypes",
        );
        assert_finds(
            denied_by_default,
            &unnamed,
            &["StatefulSet/nats", "no NetworkPolicy"],
        );
    }

    #[test]
    fn a_needed_connection_must_be_allowed_on_both_sides() {
        let out = PODS.replace(
            "to: [{ podSelector: { matchLabels: { app: nats } } }]",
            "to: [{ podSelector: { matchLabels: { app: redis } } }]",
        );
        assert_finds(
            needed_connections_are_allowed,
            &out,
            &["NATS_URL", "Egress", "4222"],
        );
        let into = PODS.replace(
            "from: [{ podSelector: { matchLabels: { app: tickets } } }]",
            "from: [{ podSelector: { matchLabels: { app: orders } } }]",
        );
        assert_finds(needed_connections_are_allowed, &into, &["Ingress"]);
        let port = PODS.replace("ports: [{ port: nats }]", "ports: [{ port: 8222 }]");
        assert_finds(needed_connections_are_allowed, &port, &["Ingress"]);
        let variable = PODS.replace("nats-srv:4222", "nats-srv:4223");
        assert_finds(needed_connections_are_allowed, &variable, &["port 4223"]);
    }

    #[test]
    fn only_monitoring_reaches_the_admin_port() {
        let rule = admin_ports_are_for_monitoring;
        let open = |peer: &str| {
            format!(
                "{PODS}---\nkind: NetworkPolicy\nspec: {{ podSelector: {{ matchLabels: {{ app: tickets }} }}, policyTypes: [Ingress], ingress: [{{ {peer} ports: [{{ port: 9000 }}] }}] }}"
            )
        };
        assert_finds(rule, &open(""), &["everybody"]);
        let fleet = "from: [{ podSelector: { matchLabels: { app: nats } } }],";
        assert_finds(rule, &open(fleet), &["open to", "nats"]);
        let range = open(fleet).replace(
            "ports: [{ port: 9000 }] }] }",
            "ports: [{ port: 8999, endPort: 9999 }] }] }",
        );
        assert_finds(rule, &range, &["open to", "nats"]);
        assert_finds(
            rule,
            &PODS.replace("port: 9000", "port: 9001"),
            &["cannot reach"],
        );
    }

    #[test]
    fn annotations_for_monitoring_are_correct() {
        let annotated = |annotations: &str| {
            let metadata = "metadata: { labels: { app: tickets }";
            let with = format!(
                "{metadata}, annotations: {{ prometheus.io/scrape: 'true', {annotations} }}"
            );
            PODS.replace(metadata, &with)
        };
        let rule = admin_ports_are_for_monitoring;
        assert_clean(
            rule,
            &annotated("prometheus.io/port: '9000', prometheus.io/path: /metrics"),
        );
        assert_finds(
            rule,
            &annotated("prometheus.io/port: '9001'"),
            &["prometheus.io/port"],
        );
        assert_finds(
            rule,
            &annotated("prometheus.io/port: '9000', prometheus.io/path: /stats"),
            &["/stats"],
        );
    }

    #[test]
    fn the_ingress_reaches_an_api() {
        assert_finds(
            ingress_reaches_apis,
            &PODS.replace("port: 3000", "port: 3001"),
            &["no ingress", "3000"],
        );
        let namespace = "namespaceSelector: { matchLabels: { name: ingress } }";
        let pods = PODS.replace(namespace, "podSelector: { matchLabels: { app: nats } }");
        assert_finds(ingress_reaches_apis, &pods, &["no ingress"]);
    }
}
