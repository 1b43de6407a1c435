//! Pod Security `restricted`, control by control as the standard lists them
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>), so that what an enforcing namespace would
//! refuse is refused here.

use serde_json::Value;

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Container, Pod, items, text};

/// What may be mounted.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The settings of the kernel that concern nobody else, in the oldest version of Kubernetes that we run on.
const SAFE_SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];

const SELINUX_TYPES: [&str; 5] = [
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
];

/// Every namespace that we make enforces the standard.
pub(super) fn enforced(inspection: &Inspection<'_>) -> Vec<Finding> {
    let label = "pod-security.kubernetes.io/enforce";
    inspection
        .of_kind("Namespace")
        .filter(|namespace| namespace.at(&["metadata", "labels"])[label] != "restricted")
        .map(|namespace| {
            Finding::new(
                namespace,
                "anything may run in it",
                format!("set the label {label}: restricted"),
            )
        })
        .collect()
}

/// No pod asks for more than the standard allows.
pub(super) fn restricted(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in inspection.pods() {
        let mut complain = |wrong: String, remedy: &str| {
            findings.push(Finding::new(pod.owner, wrong, remedy));
        };
        of_pod(&pod, &mut complain);
        for container in pod.containers() {
            let name = container.name().to_owned();
            let mut complain =
                |wrong: String, remedy: &str| complain(format!("container {name} {wrong}"), remedy);
            of_container(&pod, &container, &mut complain);
            identity(&pod, &container, &mut complain);
        }
    }
    findings
}

fn of_pod(pod: &Pod<'_>, complain: &mut dyn FnMut(String, &str)) {
    let spec = pod.spec();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec[field] == true {
            complain(
                format!("its pods share the machine's {field}"),
                "take it out",
            );
        }
    }
    for volume in items(&spec["volumes"]) {
        let fields = volume.as_object().into_iter().flatten();
        for (kind, _) in fields.filter(|(field, _)| *field != "name") {
            if !VOLUMES.contains(&kind.as_str()) {
                complain(
                    format!("its volume {} is a {kind}", text(volume, "name")),
                    "use a volume claim or an emptyDir",
                );
            }
        }
    }
    for sysctl in items(&spec["securityContext"]["sysctls"]) {
        let name = text(sysctl, "name");
        if !SAFE_SYSCTLS.contains(&name) {
            complain(format!("it sets the kernel's {name}"), "take it out");
        }
    }
    for (name, profile) in pod.annotations() {
        let is_apparmor = name.starts_with("container.apparmor.security.beta.kubernetes.io/");
        if is_apparmor && profile != "runtime/default" && !profile.starts_with("localhost/") {
            complain(
                format!("it has the AppArmor profile {profile}"),
                "use runtime/default",
            );
        }
    }
    contexts(&spec["securityContext"], complain);
}

/// What a pod's and a container's security context must not say.
fn contexts(context: &Value, complain: &mut dyn FnMut(String, &str)) {
    let selinux = &context["seLinuxOptions"];
    if !SELINUX_TYPES.contains(&text(selinux, "type"))
        || !text(selinux, "user").is_empty()
        || !text(selinux, "role").is_empty()
    {
        complain(
            "chooses its SELinux user, role or type".to_owned(),
            "take seLinuxOptions out",
        );
    }
    if text(&context["appArmorProfile"], "type") == "Unconfined" {
        complain(
            "is not confined by AppArmor".to_owned(),
            "use the type RuntimeDefault",
        );
    }
    if text(&context["seccompProfile"], "type") == "Unconfined" {
        complain(
            "may make every system call".to_owned(),
            "use the seccomp type RuntimeDefault",
        );
    }
    if context["windowsOptions"]["hostProcess"] == true {
        complain(
            "is a process of the machine".to_owned(),
            "take hostProcess out",
        );
    }
    if context["runAsNonRoot"] == false {
        complain("may be root".to_owned(), "set runAsNonRoot: true");
    }
    if context["runAsUser"] == 0 {
        complain(
            "is root".to_owned(),
            "set runAsUser to another number than 0",
        );
    }
}

fn of_container(pod: &Pod<'_>, container: &Container<'_>, complain: &mut dyn FnMut(String, &str)) {
    let context = &container.value["securityContext"];
    contexts(context, complain);
    if context["privileged"] == true {
        complain("is privileged".to_owned(), "take it out");
    }
    if context["allowPrivilegeEscalation"] != false {
        complain(
            "may gain privileges".to_owned(),
            "set allowPrivilegeEscalation: false",
        );
    }
    let capabilities = &context["capabilities"];
    if !items(&capabilities["drop"])
        .iter()
        .any(|dropped| dropped == "ALL")
    {
        complain(
            "keeps capabilities".to_owned(),
            "set capabilities: { drop: [ALL] }",
        );
    }
    for added in items(&capabilities["add"])
        .iter()
        .filter(|added| **added != "NET_BIND_SERVICE")
    {
        complain(format!("asks for the capability {added}"), "take it out");
    }
    if !matches!(text(context, "procMount"), "" | "Default") {
        complain("sees more of /proc".to_owned(), "take procMount out");
    }
    for port in items(&container.value["ports"]) {
        if port["hostPort"].as_u64().unwrap_or(0) != 0 {
            complain(
                "takes a port of the machine".to_owned(),
                "take hostPort out and use a Service",
            );
        }
    }
    let of_pod = &pod.spec()["securityContext"];
    let profile = [context, of_pod].map(|context| text(&context["seccompProfile"], "type"));
    if profile.iter().all(|profile| profile.is_empty()) {
        complain(
            "has no seccomp profile".to_owned(),
            "set seccompProfile: { type: RuntimeDefault }",
        );
    }
    hosts(container.value, complain);
}

/// Whom it runs as, which the pod may say for all its containers.
fn identity(pod: &Pod<'_>, container: &Container<'_>, complain: &mut dyn FnMut(String, &str)) {
    let context = &container.value["securityContext"]["runAsNonRoot"];
    let of_pod = &pod.spec()["securityContext"]["runAsNonRoot"];
    if context.is_null() && *of_pod != true {
        complain("may be root".to_owned(), "set runAsNonRoot: true");
    }
}

/// Probes and hooks speak to the pod itself and to no other host.
fn hosts(container: &Value, complain: &mut dyn FnMut(String, &str)) {
    let lifecycle = &container["lifecycle"];
    let handlers = [
        &container["livenessProbe"],
        &container["readinessProbe"],
        &container["startupProbe"],
        &lifecycle["preStop"],
        &lifecycle["postStart"],
    ];
    for handler in handlers {
        let host = ["httpGet", "tcpSocket"].map(|kind| text(&handler[kind], "host"));
        if host.iter().any(|host| !host.is_empty()) {
            complain(
                "asks another host in a probe or hook".to_owned(),
                "take host out",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds};
    use super::*;

    /// A pod that is right, with lines added to the pod's spec, its context, the container and the container's context.
    fn pod(spec: &str, context: &str, container: &str, own: &str) -> String {
        format!(
            "
kind: Pod
metadata: {{ name: it }}
spec:
  {spec}
  securityContext:
    runAsNonRoot: true
    seccompProfile: {{ type: RuntimeDefault }}
    {context}
  containers:
    - name: main
      {container}
      securityContext:
        allowPrivilegeEscalation: false
        {own}
        capabilities: {{ drop: [ALL] }}
"
        )
    }

    #[test]
    fn a_restricted_pod_is_let_in() {
        assert_clean(restricted, &pod("", "", "", ""));
        let volumes = "volumes: [{ name: a, emptyDir: {} }, { name: b, configMap: { name: b } }]";
        assert_clean(restricted, &pod(volumes, "", "", ""));
    }

    #[test]
    fn each_control_of_the_standard_refuses_what_breaks_it() {
        let cases = [
            (pod("hostNetwork: true", "", "", ""), "hostNetwork"),
            (pod("hostPID: true", "", "", ""), "hostPID"),
            (pod("hostIPC: true", "", "", ""), "hostIPC"),
            (
                pod(
                    "volumes: [{ name: logs, hostPath: { path: /var/log } }]",
                    "",
                    "",
                    "",
                ),
                "hostPath",
            ),
            (
                pod(
                    "volumes: [{ name: a, nfs: { server: a, path: / } }]",
                    "",
                    "",
                    "",
                ),
                "nfs",
            ),
            (
                pod("", "sysctls: [{ name: kernel.msgmax, value: '1' }]", "", ""),
                "kernel.msgmax",
            ),
            (
                pod("", "seLinuxOptions: { type: spc_t }", "", ""),
                "SELinux",
            ),
            (pod("", "", "", "seLinuxOptions: { user: root }"), "SELinux"),
            (
                pod("", "appArmorProfile: { type: Unconfined }", "", ""),
                "AppArmor",
            ),
            (
                pod("", "", "", "seccompProfile: { type: Unconfined }"),
                "system call",
            ),
            (
                pod("", "windowsOptions: { hostProcess: true }", "", ""),
                "process of the machine",
            ),
            (pod("", "", "", "runAsNonRoot: false"), "may be root"),
            (pod("", "runAsUser: 0", "", ""), "is root"),
            (pod("", "", "", "runAsUser: 0"), "is root"),
            (pod("", "", "", "privileged: true"), "privileged"),
            (pod("", "", "", "procMount: Unmasked"), "/proc"),
            (
                pod("", "", "ports: [{ containerPort: 80, hostPort: 80 }]", ""),
                "port of the machine",
            ),
            (
                pod(
                    "",
                    "",
                    "livenessProbe: { httpGet: { host: a, port: 1 } }",
                    "",
                ),
                "another host",
            ),
        ];
        for (yaml, word) in cases {
            assert_finds(restricted, &yaml, &["Pod/it", word]);
        }
    }

    #[test]
    fn what_is_not_said_is_not_granted() {
        let bare = pod("", "", "", "");
        let without = |line: &str| {
            assert!(bare.contains(line));
            bare.replace(line, "")
        };
        assert_finds(
            restricted,
            &without("allowPrivilegeEscalation: false"),
            &["gain privileges"],
        );
        assert_finds(
            restricted,
            &without("capabilities: { drop: [ALL] }"),
            &["keeps capabilities"],
        );
        assert_finds(restricted, &without("runAsNonRoot: true"), &["may be root"]);
        assert_finds(
            restricted,
            &without("seccompProfile: { type: RuntimeDefault }"),
            &["seccomp"],
        );
    }

    #[test]
    fn capabilities_and_annotations_count() {
        let added = pod("", "", "", "").replace(
            "drop: [ALL]",
            "drop: [ALL], add: [NET_BIND_SERVICE, SYS_ADMIN]",
        );
        assert_finds(restricted, &added, &["SYS_ADMIN"]);
        let annotation =
            "annotations: { container.apparmor.security.beta.kubernetes.io/main: unconfined }";
        let unconfined =
            pod("", "", "", "").replace("name: it", &format!("name: it, {annotation}"));
        assert_finds(restricted, &unconfined, &["AppArmor"]);
    }

    #[test]
    fn containers_that_run_first_are_no_exception() {
        let first = "initContainers: [{ name: first }]";
        let found = super::super::bench::findings(restricted, &pod(first, "", "", ""));
        assert!(
            found
                .iter()
                .any(|finding| finding.contains("container first keeps capabilities")),
            "{found:?}"
        );
    }

    #[test]
    fn a_namespace_enforces_it() {
        let namespace = "kind: Namespace\nmetadata: { name: shop, labels: { pod-security.kubernetes.io/enforce: baseline } }";
        assert_finds(
            enforced,
            namespace,
            &["Namespace/shop", "enforce: restricted"],
        );
        assert_clean(enforced, &namespace.replace("baseline", "restricted"));
    }
}
