//! What enters the fleet is limited before it reaches a service: connections, requests, bodies. Browsers learn to come by
//! https only.

use serde_json::Value;

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Object, at, items, text, texts};

/// The annotations by which ingress-nginx limits. It sends HSTS by default.
const OF_NGINX: [&str; 3] = ["limit-connections", "limit-rps", "proxy-body-size"];

/// Every Ingress and every Gateway has limits, and every policy with limits is about a Gateway that is there.
pub(super) fn entrances_are_limited(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ingress in inspection.of_kind("Ingress") {
        let annotations = texts(ingress.at(&["metadata", "annotations"]));
        for limit in OF_NGINX {
            let annotation = format!("nginx.ingress.kubernetes.io/{limit}");
            if !annotations.contains_key(annotation.as_str()) {
                findings.push(Finding::new(
                    ingress,
                    format!("it has no {limit}"),
                    format!("set the annotation {annotation}"),
                ));
            }
        }
    }
    for gateway in inspection.of_kind("Gateway") {
        for listener in items(gateway.at(&["spec", "listeners"])) {
            findings.extend(connections(inspection, gateway, listener));
        }
        findings.extend(requests(inspection, gateway));
    }
    for kind in ["ClientTrafficPolicy", "BackendTrafficPolicy"] {
        let policies = inspection.of_kind(kind);
        findings.extend(policies.filter_map(|policy| misses(inspection, policy)));
    }
    findings
}

/// The policies of a kind about a Gateway, as they name one of its listeners or none.
fn policies<'a>(
    inspection: &Inspection<'a>,
    kind: &'static str,
    gateway: &'a Object,
    listener: &'a str,
) -> impl Iterator<Item = &'a Object> {
    inspection.of_kind(kind).filter(move |policy| {
        let mut targets = items(policy.at(&["spec", "targetRefs"])).iter();
        targets.any(|target| {
            text(target, "kind") == "Gateway"
                && text(target, "name") == gateway.name()
                && text(target, "sectionName") == listener
        })
    })
}

fn connections<'a>(
    inspection: &Inspection<'a>,
    gateway: &'a Object,
    listener: &'a Value,
) -> Vec<Finding> {
    let name = text(listener, "name");
    // One about the listener takes the place of one about the whole Gateway.
    let kind = "ClientTrafficPolicy";
    let policy = policies(inspection, kind, gateway, name)
        .chain(policies(inspection, kind, gateway, ""))
        .next();
    let spec = policy.map_or(&Value::Null, |policy| policy.at(&["spec"]));
    let mut findings = Vec::new();
    if at(spec, &["connection", "connectionLimit", "value"]).is_null() {
        findings.push(Finding::new(
            gateway,
            format!("its listener {name} takes any number of connections"),
            "set connectionLimit in a ClientTrafficPolicy",
        ));
    }
    let set = items(at(spec, &["headers", "lateResponseHeaders", "set"]));
    let has_hsts = set
        .iter()
        .any(|header| text(header, "name").eq_ignore_ascii_case("Strict-Transport-Security"));
    if text(listener, "protocol") == "HTTPS" && !has_hsts {
        findings.push(Finding::new(
            gateway,
            format!("its listener {name} sends no Strict-Transport-Security"),
            "set the header in lateResponseHeaders of a ClientTrafficPolicy",
        ));
    }
    findings
}

fn requests<'a>(inspection: &Inspection<'a>, gateway: &'a Object) -> Vec<Finding> {
    let policy = policies(inspection, "BackendTrafficPolicy", gateway, "").next();
    let spec = policy.map_or(&Value::Null, |policy| policy.at(&["spec"]));
    let mut findings = Vec::new();
    if at(spec, &["requestBuffer", "limit"]).is_null() {
        findings.push(Finding::new(
            gateway,
            "it takes bodies of any size",
            "set requestBuffer in a BackendTrafficPolicy",
        ));
    }
    if items(at(spec, &["rateLimit", "local", "rules"])).is_empty() {
        findings.push(Finding::new(
            gateway,
            "it takes any number of requests",
            "set rateLimit in a BackendTrafficPolicy",
        ));
    }
    findings
}

/// What a policy names and is not there. The controller only says so in the policy's status.
fn misses(inspection: &Inspection<'_>, policy: &Object) -> Option<Finding> {
    let mut targets = items(policy.at(&["spec", "targetRefs"])).iter();
    let missed = targets.find(|target| {
        let object = inspection.find(text(target, "kind"), text(target, "name"));
        let listener = text(target, "sectionName");
        let has = |object: &Object| {
            let mut listeners = items(object.at(&["spec", "listeners"])).iter();
            listener.is_empty() || listeners.any(|listed| text(listed, "name") == listener)
        };
        !object.is_some_and(has)
    })?;
    Some(Finding::new(
        policy,
        format!("there is no such thing as it is about: {missed}"),
        "mend its targetRefs",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds, findings};
    use super::*;

    const GATEWAY: &str = "
kind: Gateway
metadata: { name: shop }
spec: { listeners: [{ name: http, protocol: HTTP }, { name: https, protocol: HTTPS }] }
---
kind: ClientTrafficPolicy
metadata: { name: https }
spec:
  targetRefs: [{ kind: Gateway, name: shop, sectionName: https }]
  connection: { connectionLimit: { value: 10 } }
  headers: { lateResponseHeaders: { set: [{ name: strict-transport-security, value: max-age=1 }] } }
---
kind: ClientTrafficPolicy
metadata: { name: others }
spec:
  targetRefs: [{ kind: Gateway, name: shop }]
  connection: { connectionLimit: { value: 20 } }
---
kind: BackendTrafficPolicy
metadata: { name: requests }
spec:
  targetRefs: [{ kind: Gateway, name: shop }]
  requestBuffer: { limit: 1Ki }
  rateLimit: { local: { rules: [{ limit: { requests: 1, unit: Second } }] } }
";

    #[test]
    fn a_gateway_limits_connections_requests_and_bodies_and_sends_hsts() {
        let rule = entrances_are_limited;
        assert_clean(rule, GATEWAY);
        let cases = [
            ("connectionLimit: { value: 10 }", "listener https takes any"),
            ("connectionLimit: { value: 20 }", "listener http takes any"),
            ("name: strict-transport-security", "Strict-Transport"),
            ("requestBuffer: { limit: 1Ki }", "bodies of any size"),
            ("limit: { requests: 1, unit: Second }", "number of requests"),
        ];
        for (limit, words) in cases {
            assert!(GATEWAY.contains(limit));
            let without = GATEWAY.replace(&format!("[{{ {limit} }}]"), "[]");
            let without = without.replace(limit, "other: {}");
            assert_finds(rule, &without, &["Gateway/shop", words]);
        }
        let alone = GATEWAY.split("---").next().unwrap();
        assert_eq!(findings(rule, alone).len(), 5);
    }

    #[test]
    fn a_policy_is_about_a_gateway_and_a_listener_that_are_there() {
        let rule = entrances_are_limited;
        let elsewhere = format!(
            "{GATEWAY}---\nkind: ClientTrafficPolicy\nmetadata: {{ name: it }}\nspec: {{ targetRefs: [{{ kind: Gateway, name: shop, sectionName: htps }}] }}"
        );
        assert_finds(rule, &elsewhere, &["ClientTrafficPolicy/it", "htps"]);
        let other = elsewhere.replace("shop, sectionName: htps", "ship");
        assert_finds(rule, &other, &["ClientTrafficPolicy/it", "ship"]);
    }

    #[test]
    fn an_ingress_has_limits() {
        let ingress = "kind: Ingress\nmetadata: { name: it, annotations: { nginx.ingress.kubernetes.io/limit-rps: '1', nginx.ingress.kubernetes.io/proxy-body-size: 1k } }";
        assert_finds(
            entrances_are_limited,
            ingress,
            &["Ingress/it", "no limit-connections"],
        );
    }
}
