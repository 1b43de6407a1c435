//! Our services are deployed as their own descriptions (`--describe`) require.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifests::inspection::{Deployed, Finding, Inspection};
use crate::manifests::object::{at, items, text};

const PROBES: [&str; 3] = ["startupProbe", "readinessProbe", "livenessProbe"];

/// Each service is deployed once.
pub(super) fn all_are_deployed(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in &inspection.known.services {
        let times = inspection
            .deployed()
            .filter(|deployed| deployed.service.name == service.name)
            .count();
        if times != 1 {
            findings.push(Finding::new(
                &service.name,
                format!("it is deployed {times} times"),
                "add one Deployment whose image name ends with the service's name",
            ));
        }
    }
    findings
}

/// The service reads every variable, every required variable is set, and secrets come from Secrets.
pub(super) fn variables_match(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        let mut complain = |wrong: String, remedy: &str| {
            findings.push(Finding::new(deployed.pod.owner, wrong, remedy));
        };
        known_variables(&deployed, &mut complain);
        needed_variables(&deployed, &mut complain);
    }
    findings
}

fn known_variables(deployed: &Deployed<'_>, complain: &mut dyn FnMut(String, &str)) {
    let environment = deployed.container.environment();
    let mut seen = BTreeSet::new();
    for variable in environment {
        let name = text(variable, "name");
        if !seen.insert(name) {
            complain(format!("it sets {name} twice"), "keep one");
        }
        let place = format!("$({name})");
        let is_used = environment
            .iter()
            .any(|other| text(other, "value").contains(&place));
        let is_read = deployed
            .service
            .variables
            .iter()
            .any(|read| read.name == name);
        if !is_read && !is_used {
            let service = &deployed.service.name;
            complain(
                format!("it sets {name}, which {service} does not read"),
                "correct the name or remove it; the service's --describe lists its variables",
            );
        }
    }
}

fn needed_variables(deployed: &Deployed<'_>, complain: &mut dyn FnMut(String, &str)) {
    for read in &deployed.service.variables {
        let name = read.name.as_str();
        let mut environment = deployed.container.environment().iter();
        let Some(set) = environment.rfind(|variable| text(variable, "name") == name) else {
            if read.required {
                let service = &deployed.service.name;
                complain(
                    format!("{name} is not set, but {service} requires it"),
                    "set it",
                );
            }
            continue;
        };
        if read.secret && !is_secret(deployed, set) {
            complain(
                format!("the manifest contains the secret {name}"),
                "read it from a Secret by secretKeyRef, or from a variable that does",
            );
        }
    }
}

/// Whether a variable comes from a Secret, directly or by another variable.
fn is_secret(deployed: &Deployed<'_>, variable: &Value) -> bool {
    let from_secret = |variable: &Value| !at(variable, &["valueFrom", "secretKeyRef"]).is_null();
    let value = text(variable, "value");
    // The mail server for development has no password.
    from_secret(variable)
        || is_address_without_password(value)
        || deployed.container.environment().iter().any(|other| {
            from_secret(other) && value.contains(&format!("$({})", text(other, "name")))
        })
}

/// Whether the value is a URL without a password.
fn is_address_without_password(value: &str) -> bool {
    value
        .split_once("://")
        .is_some_and(|(_, rest)| !rest.contains('@'))
}

/// The container has exactly the service's ports, with their names.
pub(super) fn ports_match(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        for port in &deployed.service.ports {
            let number = deployed.port(&port.name);
            if deployed.container.port(&port.name) != number {
                let number = number.unwrap_or_default();
                findings.push(Finding::new(
                    deployed.pod.owner,
                    format!(
                        "its port {} is not {number}, on which the service listens",
                        port.name
                    ),
                    format!("set {} or the containerPort", port.variable),
                ));
            }
        }
        let named = |port: &Value| {
            let ports = &deployed.service.ports;
            ports.iter().any(|listed| listed.name == text(port, "name"))
        };
        for port in items(&deployed.container.value["ports"])
            .iter()
            .filter(|port| !named(port))
        {
            findings.push(Finding::new(
                deployed.pod.owner,
                format!("the service does not listen on {}", port["containerPort"]),
                "remove the port",
            ));
        }
    }
    findings
}

/// The three probes request existing paths of the admin port. Readiness and liveness use different ones.
pub(super) fn probes_match(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        let place = deployed.pod.owner;
        let probes = PROBES.map(|name| (name, &deployed.container.value[name]));
        for (name, probe) in probes {
            let path = text(&probe["httpGet"], "path")
                .split('?')
                .next()
                .unwrap_or_default();
            let port = match &probe["httpGet"]["port"] {
                Value::String(name) => deployed.container.port(name),
                number => number.as_u64(),
            };
            if !deployed
                .service
                .admin_paths
                .iter()
                .any(|known| known == path)
            {
                let known = deployed.service.admin_paths.join(", ");
                findings.push(Finding::new(
                    place,
                    format!("its {name} requests {path:?}, which the admin port does not have"),
                    format!("request one of {known}"),
                ));
            } else if port != deployed.port("admin") {
                findings.push(Finding::new(
                    place,
                    format!("its {name} does not use the admin port"),
                    "use the port `admin`",
                ));
            }
        }
        let [_, (_, ready), (_, alive)] = probes;
        if !ready.is_null() && ready["httpGet"]["path"] == alive["httpGet"]["path"] {
            findings.push(Finding::new(
                place,
                "a pod that is not ready is killed, which repairs no dependency",
                "use different paths for livenessProbe and readinessProbe",
            ));
        }
    }
    findings
}

/// A pod has enough time to stop, and the stop begins only after proxies have removed it.
pub(super) fn stop_has_time(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        let delay = at(
            deployed.container.value,
            &["lifecycle", "preStop", "sleep", "seconds"],
        );
        let delay = delay.as_u64().unwrap_or(0);
        if delay == 0 {
            findings.push(Finding::new(
                deployed.pod.owner,
                "it is stopped while proxies still send requests to it",
                "set lifecycle.preStop.sleep to some seconds",
            ));
        }
        let grace_period = deployed.pod.spec()["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap_or(30);
        let needed = delay + deployed.service.stop_seconds;
        if grace_period <= needed {
            findings.push(Finding::new(
                deployed.pod.owner,
                format!("it is killed after {grace_period} s, and needs {needed} s to stop"),
                "set terminationGracePeriodSeconds higher",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds};
    use super::*;

    const TICKETS: &str = "
kind: Deployment
metadata: { name: tickets-depl }
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 20
      containers:
        - name: service
          image: shop/tickets:1
          ports: [{ name: api, containerPort: 3000 }, { name: admin, containerPort: 9000 }]
          env:
            - { name: JWT_KEY, valueFrom: { secretKeyRef: { name: jwt-secret, key: JWT_KEY } } }
            - { name: NATS_URL, value: 'nats://nats-srv:4222' }
          startupProbe: { httpGet: { path: /livez, port: admin } }
          readinessProbe: { httpGet: { path: /readyz, port: admin } }
          livenessProbe: { httpGet: { path: /livez, port: 9000 } }
          lifecycle: { preStop: { sleep: { seconds: 5 } } }
";

    fn with(old: &str, new: &str) -> String {
        assert!(TICKETS.contains(old), "no {old}");
        TICKETS.replace(old, new)
    }

    #[test]
    fn a_service_that_is_deployed_as_described_is_right() {
        for rule in [
            all_are_deployed,
            variables_match,
            ports_match,
            probes_match,
            stop_has_time,
        ] {
            assert_clean(rule, TICKETS);
        }
    }

    #[test]
    fn each_service_is_deployed_once() {
        assert_finds(all_are_deployed, "kind: Namespace", &["tickets", "0 times"]);
        assert_finds(
            all_are_deployed,
            &format!("{TICKETS}---{TICKETS}"),
            &["2 times"],
        );
    }

    #[test]
    fn unknown_variables_are_found() {
        let url = "- { name: NATS_URL,";
        let typo = format!("- {{ name: NATS_URI, value: a }}\n            {url}");
        assert_finds(
            variables_match,
            &with(url, &typo),
            &["NATS_URI", "does not read"],
        );
    }

    #[test]
    fn a_required_variable_is_set_once() {
        let url = "            - { name: NATS_URL, value: 'nats://nats-srv:4222' }\n";
        assert_finds(variables_match, &with(url, ""), &["NATS_URL is not set"]);
        assert_finds(
            variables_match,
            &with(url, &format!("{url}{url}")),
            &["NATS_URL twice"],
        );
    }

    #[test]
    fn secrets_come_from_secrets() {
        let key =
            "{ name: JWT_KEY, valueFrom: { secretKeyRef: { name: jwt-secret, key: JWT_KEY } } }";
        assert_finds(
            variables_match,
            &with(key, "{ name: JWT_KEY, value: open }"),
            &["contains the secret JWT_KEY"],
        );
        let part = "{ name: PART, valueFrom: { secretKeyRef: { name: a, key: b } } }\n            - { name: JWT_KEY, value: 'a$(PART)' }";
        assert_clean(variables_match, &with(key, part));
    }

    #[test]
    fn ports_are_those_of_the_service() {
        assert_finds(
            ports_match,
            &with("containerPort: 3000", "containerPort: 3001"),
            &["port api is not 3000"],
        );
        let moved = with(
            "          env:\n",
            "          env:\n            - { name: PORT, value: '3001' }\n",
        );
        assert_finds(ports_match, &moved, &["port api is not 3001"]);
        let more = with(
            "{ name: admin, containerPort: 9000 }",
            "{ name: admin, containerPort: 9000 }, { name: x, containerPort: 1 }",
        );
        assert_finds(ports_match, &more, &["listen on 1"]);
    }

    #[test]
    fn probes_request_existing_paths() {
        assert_finds(
            probes_match,
            &with("path: /readyz", "path: /ready"),
            &["readinessProbe", "\"/ready\"", "/readyz"],
        );
        assert_finds(
            probes_match,
            &with(
                "startupProbe: { httpGet: { path: /livez, port: admin } }",
                "startupProbe: {}",
            ),
            &["startupProbe"],
        );
        assert_finds(
            probes_match,
            &with("path: /readyz, port: admin", "path: /readyz, port: api"),
            &["not use the admin port"],
        );
        assert_finds(
            probes_match,
            &with("path: /readyz", "path: /livez"),
            &["killed"],
        );
    }

    #[test]
    fn a_service_has_time_to_stop() {
        assert_finds(
            stop_has_time,
            &with(
                "terminationGracePeriodSeconds: 20",
                "terminationGracePeriodSeconds: 14",
            ),
            &["after 14 s", "14 s to stop"],
        );
        assert_finds(
            stop_has_time,
            &with("seconds: 5", "seconds: 0"),
            &["still send requests"],
        );
    }
}
