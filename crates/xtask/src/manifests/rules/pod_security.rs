//! The controls of Pod Security `restricted` that Trivy does not check
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>).

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Container, text};

/// Every namespace that we create enforces the standard.
pub(super) fn enforced(inspection: &Inspection<'_>) -> Vec<Finding> {
    let label = "pod-security.kubernetes.io/enforce";
    inspection
        .of_kind("Namespace")
        .filter(|namespace| namespace.at(&["metadata", "labels"])[label] != "restricted")
        .map(|namespace| {
            Finding::new(
                namespace,
                "it does not enforce Pod Security",
                format!("set the label {label}: restricted"),
            )
        })
        .collect()
}

/// No pod disables `AppArmor`, no container overrides `runAsNonRoot`, and no probe or hook calls another host.
pub(super) fn beyond_trivy(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in inspection.pods() {
        let mut complain = |wrong: String, remedy: &str| {
            findings.push(Finding::new(pod.owner, wrong, remedy));
        };
        let context = &pod.spec()["securityContext"];
        if context["appArmorProfile"]["type"] == "Unconfined" {
            complain("it disables AppArmor".to_owned(), "remove appArmorProfile");
        }
        for container in pod.containers() {
            let (name, context) = (container.name(), &container.value["securityContext"]);
            if context["appArmorProfile"]["type"] == "Unconfined" {
                complain(
                    format!("container {name} disables AppArmor"),
                    "remove appArmorProfile",
                );
            }
            if context["runAsNonRoot"] == false {
                complain(
                    format!("container {name} may run as root"),
                    "remove runAsNonRoot: false",
                );
            }
            if calls_another_host(&container) {
                complain(
                    format!("a probe or hook of container {name} calls another host"),
                    "remove host",
                );
            }
        }
    }
    findings
}

fn calls_another_host(container: &Container<'_>) -> bool {
    let lifecycle = &container.value["lifecycle"];
    let handlers = [
        &container.value["livenessProbe"],
        &container.value["readinessProbe"],
        &container.value["startupProbe"],
        &lifecycle["preStop"],
        &lifecycle["postStart"],
    ];
    handlers.iter().any(|handler| {
        ["httpGet", "tcpSocket"]
            .iter()
            .any(|kind| !text(&handler[*kind], "host").is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds};
    use super::*;

    #[test]
    fn what_trivy_does_not_check_is_found() {
        let pod = |context: &str, container: &str| {
            format!(
                "kind: Pod\nmetadata: {{ name: it }}\nspec: {{ securityContext: {{ {context} }}, containers: [{{ name: main, {container} }}] }}"
            )
        };
        assert_clean(beyond_trivy, &pod("", ""));
        let unconfined = "appArmorProfile: { type: Unconfined }";
        let cases = [
            (pod(unconfined, ""), "it disables AppArmor"),
            (
                pod("", &format!("securityContext: {{ {unconfined} }}")),
                "main disables AppArmor",
            ),
            (
                pod("", "securityContext: { runAsNonRoot: false }"),
                "main may run as root",
            ),
            (
                pod("", "livenessProbe: { httpGet: { host: a, port: 1 } }"),
                "another host",
            ),
        ];
        for (yaml, words) in cases {
            assert_finds(beyond_trivy, &yaml, &["Pod/it", words]);
        }
    }

    #[test]
    fn a_namespace_enforces_pod_security() {
        let namespace = "kind: Namespace\nmetadata: { name: shop, labels: { pod-security.kubernetes.io/enforce: baseline } }";
        assert_finds(
            enforced,
            namespace,
            &["Namespace/shop", "enforce: restricted"],
        );
        assert_clean(enforced, &namespace.replace("baseline", "restricted"));
    }
}
