//! The ingress or gateway limits connections, requests and body sizes, and sends `Strict-Transport-Security`.

use serde_json::Value;

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Object, at, items, text, texts};

/// The limits of ingress-nginx. It sends `Strict-Transport-Security` by default.
const NGINX_LIMITS: [&str; 3] = ["limit-connections", "limit-rps", "proxy-body-size"];

/// Every Ingress and Gateway has limits, and every policy with limits has an existing target.
pub(super) fn ingress_is_limited(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ingress in inspection.of_kind("Ingress") {
        let annotations = texts(ingress.at(&["metadata", "annotations"]));
        for limit in NGINX_LIMITS {
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

/// The policies of a kind for a listener of a Gateway, or for the whole Gateway if `listener` is empty.
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
    // A policy for the listener replaces the one for the whole Gateway.
    let kind = "ClientTrafficPolicy";
    let policy = policies(inspection, kind, gateway, name)
        .chain(policies(inspection, kind, gateway, ""))
        .next();
    let spec = policy.map_or(&Value::Null, |policy| policy.at(&["spec"]));
    let mut findings = Vec::new();
    if at(spec, &["connection", "connectionLimit", "value"]).is_null() {
        findings.push(Finding::new(
            gateway,
            format!("its listener {name} accepts any number of connections"),
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
            "it accepts bodies of any size",
            "set requestBuffer in a BackendTrafficPolicy",
        ));
    }
    if items(at(spec, &["rateLimit", "local", "rules"])).is_empty() {
        findings.push(Finding::new(
            gateway,
            "it accepts any number of requests",
            "set rateLimit in a BackendTrafficPolicy",
        ));
    }
    findings
}

/// A target of the policy that does not exist. The controller reports that only in the policy's status.
fn misses(inspection: &Inspection<'_>, policy: &Object) -> Option<Finding> {
    let mut targets = items(policy.at(&["spec", "targetRefs"])).iter();
    let missing = targets.find(|target| {
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
        format!("its target {missing} does not exist"),
        "correct its targetRefs",
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
        let rule = ingress_is_limited;
        assert_clean(rule, GATEWAY);
        let cases = [
            (
                "connectionLimit: { value: 10 }",
                "listener https accepts any",
            ),
            (
                "connectionLimit: { value: 20 }",
                "listener http accepts any",
            ),
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
    fn a_policy_has_an_existing_gateway_and_listener() {
        let rule = ingress_is_limited;
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
            ingress_is_limited,
            ingress,
            &["Ingress/it", "no limit-connections"],
        );
    }
}
