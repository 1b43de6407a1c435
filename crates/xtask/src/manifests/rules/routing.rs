//! The Ingress and the HTTPRoutes route every path to the service that serves it.

use serde_json::Value;

use crate::manifests::inspection::{Deployed, Finding, Inspection};
use crate::manifests::object::{Object, at, items, text};
use crate::manifests::selector::selects_pod;

/// One path of an Ingress or an HTTPRoute.
struct Route<'a> {
    owner: &'a Object,
    path: &'a str,
    is_prefix: bool,
    service: &'a str,
    port: &'a Value,
}

/// Every route has a service that serves its path at its API port, and every path of a service has a route.
pub(super) fn paths_lead_to_their_services(inspection: &Inspection<'_>) -> Vec<Finding> {
    let routes = routes(inspection);
    let mut findings = Vec::new();
    for route in &routes {
        findings.extend(fault(inspection, route));
    }
    let has_routes = !routes.is_empty();
    for service in &inspection.known.services {
        for path in &service.paths {
            let matches_path = |route: &Route<'_>| {
                route.is_prefix && route.path.trim_end_matches('/') == path.trim_end_matches('/')
            };
            if has_routes && !routes.iter().any(matches_path) {
                findings.push(Finding::new(
                    "Ingress",
                    format!("no route leads to {path} of {}", service.name),
                    "add a rule for it",
                ));
            }
        }
    }
    if !has_routes && !inspection.known.services.is_empty() {
        findings.push(Finding::new(
            "Ingress",
            "there are no routes",
            "add an Ingress or HTTPRoutes",
        ));
    }
    findings
}

fn routes<'a>(inspection: &Inspection<'a>) -> Vec<Route<'a>> {
    let mut routes = Vec::new();
    for ingress in inspection.of_kind("Ingress") {
        let rules = items(ingress.at(&["spec", "rules"])).iter();
        for path in rules.flat_map(|rule| items(at(rule, &["http", "paths"]))) {
            let service = at(path, &["backend", "service"]);
            routes.push(Route {
                owner: ingress,
                path: text(path, "path"),
                is_prefix: text(path, "pathType") != "Exact",
                service: text(service, "name"),
                port: if service["port"]["number"].is_null() {
                    &service["port"]["name"]
                } else {
                    &service["port"]["number"]
                },
            });
        }
    }
    for object in inspection.of_kind("HTTPRoute") {
        for rule in items(object.at(&["spec", "rules"])) {
            for backend in items(&rule["backendRefs"]) {
                routes.extend(items(&rule["matches"]).iter().map(|matched| Route {
                    owner: object,
                    path: text(&matched["path"], "value"),
                    is_prefix: text(&matched["path"], "type") != "Exact",
                    service: text(backend, "name"),
                    port: &backend["port"],
                }));
            }
        }
    }
    routes
}

fn fault(inspection: &Inspection<'_>, route: &Route<'_>) -> Option<Finding> {
    let complain = |wrong: String, remedy: &str| Some(Finding::new(route.owner, wrong, remedy));
    let (path, name) = (route.path, route.service);
    let Some(service) = inspection.find("Service", name) else {
        return complain(
            format!("{path} leads to {name}, which does not exist"),
            "name a Service",
        );
    };
    let ports = items(service.at(&["spec", "ports"]));
    let port = ports
        .iter()
        .find(|port| port["port"] == *route.port || port["name"] == *route.port);
    let mut deployed = inspection.deployed();
    let Some(behind) = deployed.find(|deployed| selects_pod(service, &deployed.pod)) else {
        return complain(
            format!("{path} leads to {name}, which selects none of our services"),
            "name another Service",
        );
    };
    let Some(port) = port else {
        return complain(
            format!(
                "{path} leads to the port {} of {name}, which it does not have",
                route.port
            ),
            "name one of its ports",
        );
    };
    if !is_api(&behind, port) {
        return complain(
            format!("{path} does not lead to the API port of {name}"),
            "name that port",
        );
    }
    let serves = behind.service.paths.iter().any(|root| {
        let rest = path.strip_prefix(root.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let describes = path == behind.service.description_path;
    if !serves && !describes {
        let service = &behind.service.name;
        return complain(
            format!("{path} leads to {service}, which does not serve it"),
            "name the Service that serves it",
        );
    }
    None
}

fn is_api(behind: &Deployed<'_>, port: &Value) -> bool {
    let target = if port["targetPort"].is_null() {
        &port["port"]
    } else {
        &port["targetPort"]
    };
    behind.pod.port(target).is_some() && behind.pod.port(target) == behind.port("api")
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds, findings};
    use super::*;

    const TICKETS: &str = "
kind: Deployment
metadata: { name: tickets-depl }
spec:
  template:
    metadata: { labels: { app: tickets } }
    spec:
      containers:
        - name: service
          image: shop/tickets:1
          ports: [{ name: api, containerPort: 3000 }, { name: admin, containerPort: 9000 }]
---
kind: Service
metadata: { name: tickets-srv }
spec: { selector: { app: tickets }, ports: [{ port: 3000, targetPort: api }, { port: 9000, targetPort: admin }] }
---
";

    fn ingress(rules: &[(&str, &str, u16)]) -> String {
        let paths: Vec<_> = rules
            .iter()
            .map(|(path, service, port)| {
                format!("{{ path: {path}, pathType: Prefix, backend: {{ service: {{ name: {service}, port: {{ number: {port} }} }} }} }}")
            })
            .collect();
        format!(
            "{TICKETS}kind: Ingress\nmetadata: {{ name: it }}\nspec: {{ rules: [{{ http: {{ paths: [{}] }} }}] }}",
            paths.join(", ")
        )
    }

    const BOTH: [(&str, &str, u16); 2] = [
        ("/api/tickets", "tickets-srv", 3000),
        ("/api/ticket", "tickets-srv", 3000),
    ];

    #[test]
    fn every_path_leads_to_the_service_that_serves_it() {
        assert_clean(paths_lead_to_their_services, &ingress(&BOTH));
        for path_type in ["Exact", "Prefix"] {
            let described = format!(
                "{{ path: /api/tickets/openapi.json, pathType: {path_type}, backend: {{ service: {{ name: tickets-srv, port: {{ number: 3000 }} }} }} }}, "
            );
            let manifest = ingress(&BOTH).replace("paths: [", &format!("paths: [{described}"));
            assert_clean(paths_lead_to_their_services, &manifest);
        }
    }

    #[test]
    fn a_wrong_or_missing_route_is_found() {
        assert_finds(
            paths_lead_to_their_services,
            &ingress(&BOTH[..1]),
            &["no route leads to /api/ticket of tickets"],
        );
        let cases = [
            ("/api/orders", "tickets-srv", 3000, "does not serve it"),
            ("/api/tickets", "orders-srv", 3000, "not exist"),
            ("/api/tickets", "tickets-srv", 80, "does not have"),
            ("/api/tickets", "tickets-srv", 9000, "API port"),
        ];
        for (path, service, port, word) in cases {
            let rules = [BOTH[0], BOTH[1], (path, service, port)];
            assert_finds(
                paths_lead_to_their_services,
                &ingress(&rules),
                &[path, word],
            );
        }
    }

    #[test]
    fn http_routes_are_checked_like_an_ingress() {
        let route = |path: &str| {
            let paths = ["/api/tickets", "/api/ticket", path];
            let matches =
                paths.map(|path| format!("{{ path: {{ type: PathPrefix, value: {path} }} }}"));
            let rule = format!(
                "{{ matches: [{}], backendRefs: [{{ name: tickets-srv, port: 3000 }}] }}",
                matches.join(", ")
            );
            format!(
                "{TICKETS}kind: HTTPRoute\nmetadata: {{ name: it }}\nspec: {{ rules: [{rule}] }}"
            )
        };
        assert_clean(paths_lead_to_their_services, &route("/api/tickets/mine"));
        assert_finds(
            paths_lead_to_their_services,
            &route("/api/users"),
            &["HTTPRoute/it", "/api/users"],
        );
    }

    #[test]
    fn a_fleet_without_routes_is_found() {
        let found = findings(paths_lead_to_their_services, TICKETS);
        assert!(found[0].contains("there are no routes"), "{found:?}");
    }
}
