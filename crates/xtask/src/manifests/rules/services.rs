//! Our own services: deployed as their binaries say that they must be.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifests::inspection::{Deployed, Finding, Inspection};
use crate::manifests::object::{at, items, text};

const PROBES: [&str; 3] = ["startupProbe", "readinessProbe", "livenessProbe"];

/// Each of the services is deployed once.
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
                "give it one Deployment, whose image's name ends with the service's",
            ));
        }
    }
    findings
}

/// Every variable is one that the service reads, every one that it needs is there, and secrets come from Secrets.
pub(super) fn variables_fit(inspection: &Inspection<'_>) -> Vec<Finding> {
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
            complain(format!("it sets {name} twice"), "let one be");
        }
        let place = format!("$({name})");
        let is_part = environment
            .iter()
            .any(|other| text(other, "value").contains(&place));
        let is_read = deployed
            .service
            .variables
            .iter()
            .any(|read| read.name == name);
        if !is_read && !is_part {
            let service = &deployed.service.name;
            complain(
                format!("it sets {name}, which {service} does not read"),
                "mend the name or take it out; the service's --describe lists what it reads",
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
                    format!("{name} is not set, which {service} needs"),
                    "set it",
                );
            }
            continue;
        };
        if read.secret && !is_secret(deployed, set) {
            complain(
                format!("the secret {name} stands in the manifest"),
                "take it from a Secret by secretKeyRef, or build it of a variable that is",
            );
        }
    }
}

/// Whether a variable is taken from a Secret, or made of another one that is.
fn is_secret(deployed: &Deployed<'_>, variable: &Value) -> bool {
    let from_secret = |variable: &Value| !at(variable, &["valueFrom", "secretKeyRef"]).is_null();
    let value = text(variable, "value");
    // What mail is caught by in development has no password.
    from_secret(variable)
        || is_address_without_password(value)
        || deployed.container.environment().iter().any(|other| {
            from_secret(other) && value.contains(&format!("$({})", text(other, "name")))
        })
}

/// Whether it is a URL that names a server and nobody's password.
fn is_address_without_password(value: &str) -> bool {
    value
        .split_once("://")
        .is_some_and(|(_, rest)| !rest.contains('@'))
}

/// The container has the service's ports, under their names.
pub(super) fn ports_fit(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        for port in &deployed.service.ports {
            let number = deployed.port(&port.name);
            if deployed.container.port(&port.name) != number {
                let number = number.unwrap_or_default();
                findings.push(Finding::new(
                    deployed.pod.owner,
                    format!(
                        "its port {} is not {number}, where the service listens",
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
                format!("the service does not listen at {}", port["containerPort"]),
                "take the port out",
            ));
        }
    }
    findings
}

/// The three probes ask the admin port for what it has, and not the same in the same way.
pub(super) fn probes_fit(inspection: &Inspection<'_>) -> Vec<Finding> {
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
                    format!("its {name} asks for {path:?}, which the admin port does not have"),
                    format!("ask for one of {known}"),
                ));
            } else if port != deployed.port("admin") {
                findings.push(Finding::new(
                    place,
                    format!("its {name} does not ask the admin port"),
                    "ask the port `admin`",
                ));
            }
        }
        let [_, (_, ready), (_, alive)] = probes;
        if !ready.is_null() && ready["httpGet"]["path"] == alive["httpGet"]["path"] {
            findings.push(Finding::new(
                place,
                "what is not ready is killed, which heals no dependency",
                "let livenessProbe and readinessProbe ask for different paths",
            ));
        }
    }
    findings
}

/// A pod is not killed before the service had its time to stop, nor told to before the proxies know.
pub(super) fn stop_fits(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        let waits = at(
            deployed.container.value,
            &["lifecycle", "preStop", "sleep", "seconds"],
        );
        let waits = waits.as_u64().unwrap_or(0);
        if waits == 0 {
            findings.push(Finding::new(
                deployed.pod.owner,
                "it is told to stop while requests are still sent to it",
                "set lifecycle.preStop.sleep to some seconds",
            ));
        }
        let patience = deployed.pod.spec()["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap_or(30);
        let needed = waits + deployed.service.stop_seconds;
        if patience <= needed {
            findings.push(Finding::new(
                deployed.pod.owner,
                format!("it is killed after {patience} s, and needs {needed} s to stop"),
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
    fn what_is_deployed_as_it_says_is_right() {
        for rule in [
            all_are_deployed,
            variables_fit,
            ports_fit,
            probes_fit,
            stop_fits,
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
    fn variables_are_those_that_the_service_reads() {
        let url = "- { name: NATS_URL,";
        let typo = format!("- {{ name: NATS_URI, value: a }}\n            {url}");
        assert_finds(
            variables_fit,
            &with(url, &typo),
            &["NATS_URI", "does not read"],
        );
    }

    #[test]
    fn what_a_service_needs_is_set_once() {
        let url = "            - { name: NATS_URL, value: 'nats://nats-srv:4222' }\n";
        assert_finds(variables_fit, &with(url, ""), &["NATS_URL is not set"]);
        assert_finds(
            variables_fit,
            &with(url, &format!("{url}{url}")),
            &["NATS_URL twice"],
        );
    }

    #[test]
    fn secrets_come_from_secrets() {
        let key =
            "{ name: JWT_KEY, valueFrom: { secretKeyRef: { name: jwt-secret, key: JWT_KEY } } }";
        assert_finds(
            variables_fit,
            &with(key, "{ name: JWT_KEY, value: open }"),
            &["secret JWT_KEY stands"],
        );
        let part = "{ name: PART, valueFrom: { secretKeyRef: { name: a, key: b } } }\n            - { name: JWT_KEY, value: 'a$(PART)' }";
        assert_clean(variables_fit, &with(key, part));
    }

    #[test]
    fn ports_are_where_the_service_listens() {
        assert_finds(
            ports_fit,
            &with("containerPort: 3000", "containerPort: 3001"),
            &["port api is not 3000"],
        );
        let moved = with(
            "          env:\n",
            "          env:\n            - { name: PORT, value: '3001' }\n",
        );
        assert_finds(ports_fit, &moved, &["port api is not 3001"]);
        let more = with(
            "{ name: admin, containerPort: 9000 }",
            "{ name: admin, containerPort: 9000 }, { name: x, containerPort: 1 }",
        );
        assert_finds(ports_fit, &more, &["listen at 1"]);
    }

    #[test]
    fn probes_ask_for_what_is_there() {
        assert_finds(
            probes_fit,
            &with("path: /readyz", "path: /ready"),
            &["readinessProbe", "\"/ready\"", "/readyz"],
        );
        assert_finds(
            probes_fit,
            &with(
                "startupProbe: { httpGet: { path: /livez, port: admin } }",
                "startupProbe: {}",
            ),
            &["startupProbe"],
        );
        assert_finds(
            probes_fit,
            &with("path: /readyz, port: admin", "path: /readyz, port: api"),
            &["not ask the admin port"],
        );
        assert_finds(
            probes_fit,
            &with("path: /readyz", "path: /livez"),
            &["killed"],
        );
    }

    #[test]
    fn a_service_has_the_time_to_stop() {
        assert_finds(
            stop_fits,
            &with(
                "terminationGracePeriodSeconds: 20",
                "terminationGracePeriodSeconds: 14",
            ),
            &["after 14 s", "14 s to stop"],
        );
        assert_finds(
            stop_fits,
            &with("seconds: 5", "seconds: 0"),
            &["requests are still sent"],
        );
    }
}
