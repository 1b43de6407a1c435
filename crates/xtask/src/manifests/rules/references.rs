//! References between objects: keys of ConfigMaps and Secrets, service accounts, volumes, issuers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Container, Pod, at, items, text};

/// A reference to a ConfigMap or Secret, or to one of its keys.
struct Reference<'a> {
    kind: &'static str,
    name: &'a str,
    key: Option<&'a str>,
}

/// Every referenced key exists: in the manifests, by a Certificate, or by a command of `docs/deployment.md`.
pub(super) fn keys_exist(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in inspection.pods() {
        let of_volumes = items(&pod.spec()["volumes"]).iter().flat_map(of_volume);
        let of_containers = pod.containers().flat_map(of_container);
        for reference in of_volumes.chain(of_containers) {
            if let Err(wrong) = resolve(inspection, &reference) {
                findings.push(complaint(pod.owner, &reference, &wrong));
            }
        }
    }
    for object in &inspection.overlay.objects {
        for name in certificates(object.value()) {
            for key in ["tls.crt", "tls.key"] {
                let reference = Reference {
                    kind: "Secret",
                    name,
                    key: Some(key),
                };
                if let Err(wrong) = resolve(inspection, &reference) {
                    findings.push(complaint(object, &reference, &wrong));
                }
            }
        }
    }
    // A missing Secret is reported once, not for each of its keys.
    findings.dedup();
    findings
}

fn complaint(place: impl std::fmt::Display, reference: &Reference<'_>, wrong: &str) -> Finding {
    let remedy = if reference.kind == "Secret" {
        "add the command that creates it to docs/deployment.md, or correct the name"
    } else {
        "create it in the kustomization, or correct the name"
    };
    Finding::new(place, wrong, remedy)
}

fn resolve(inspection: &Inspection<'_>, reference: &Reference<'_>) -> Result<(), String> {
    let Reference { kind, name, key } = *reference;
    let Some(keys) = keys(inspection, kind, name) else {
        return Err(format!("the {kind} {name} does not exist"));
    };
    match key {
        Some(key) if !keys.contains(key) => Err(format!("the {kind} {name} has no key {key}")),
        _ => Ok(()),
    }
}

/// The keys of a ConfigMap or Secret, if it exists.
fn keys(inspection: &Inspection<'_>, kind: &'static str, name: &str) -> Option<BTreeSet<String>> {
    if let Some(object) = inspection.find(kind, name) {
        let fields = ["data", "stringData", "binaryData"];
        let maps = fields
            .into_iter()
            .filter_map(|field| object.value()[field].as_object());
        return Some(maps.flat_map(|map| map.keys().cloned()).collect());
    }
    if kind != "Secret" {
        return None;
    }
    let mut certificates = inspection.of_kind("Certificate");
    if certificates.any(|certificate| certificate.at(&["spec", "secretName"]) == name) {
        return Some(["tls.crt", "tls.key", "ca.crt"].map(str::to_owned).into());
    }
    inspection.known.secrets.get(name).cloned()
}

fn of_container(container: Container<'_>) -> Vec<Reference<'_>> {
    let mut references = Vec::new();
    for variable in container.environment() {
        let source = &variable["valueFrom"];
        for (field, kind) in [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")] {
            references.extend(reference(&source[field], "name", kind, Some("key")));
        }
    }
    for source in items(&container.value["envFrom"]) {
        for (field, kind) in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")] {
            references.extend(reference(&source[field], "name", kind, None));
        }
    }
    references
}

fn of_volume(volume: &Value) -> Vec<Reference<'_>> {
    let projected = items(at(volume, &["projected", "sources"]));
    let sources = projected.iter().chain([volume]);
    let mut references = Vec::new();
    for source in sources {
        for (field, kind) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
            let source = &source[field];
            let named = if source["secretName"].is_null() {
                "name"
            } else {
                "secretName"
            };
            let Some(whole) = reference(source, named, kind, None) else {
                continue;
            };
            let keys = items(&source["items"]).iter().map(|item| text(item, "key"));
            references.extend(keys.map(|key| Reference {
                key: Some(key),
                ..whole
            }));
            references.push(whole);
        }
    }
    references
}

/// The reference of a field, unless it is missing or optional.
fn reference<'a>(
    source: &'a Value,
    name: &str,
    kind: &'static str,
    key: Option<&str>,
) -> Option<Reference<'a>> {
    if source.is_null() || source["optional"] == true {
        return None;
    }
    Some(Reference {
        kind,
        name: text(source, name),
        key: key.map(|key| text(source, key)),
    })
}

/// The Secrets with the certificates that an Ingress or a Gateway uses.
fn certificates(object: &Value) -> Vec<&str> {
    let of_ingress = items(at(object, &["spec", "tls"])).iter();
    let of_ingress = of_ingress.map(|tls| text(tls, "secretName"));
    let listeners = items(at(object, &["spec", "listeners"])).iter();
    let of_gateway = listeners
        .flat_map(|listener| items(at(listener, &["tls", "certificateRefs"])))
        .map(|reference| text(reference, "name"));
    of_ingress.chain(of_gateway).collect()
}

/// Referenced service accounts, volumes and issuers exist.
pub(super) fn names_exist(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in inspection.pods() {
        let account = text(pod.spec(), "serviceAccountName");
        if !matches!(account, "" | "default")
            && inspection.find("ServiceAccount", account).is_none()
        {
            findings.push(Finding::new(
                pod.owner,
                format!("there is no ServiceAccount {account}"),
                "create it, or correct the name",
            ));
        }
        findings.extend(volumes_exist(&pod));
    }
    for certificate in inspection.of_kind("Certificate") {
        let issuer = certificate.at(&["spec", "issuerRef"]);
        let (kind, name) = (text(issuer, "kind"), text(issuer, "name"));
        if kind != "ClusterIssuer" && inspection.find("Issuer", name).is_none() {
            findings.push(Finding::new(
                certificate,
                format!("there is no Issuer {name}"),
                "create it, or correct the name",
            ));
        }
    }
    findings
}

/// Every Certificate is used by an Ingress or a Gateway.
pub(super) fn certificates_are_used(inspection: &Inspection<'_>) -> Vec<Finding> {
    let objects = inspection.overlay.objects.iter();
    let used: BTreeSet<_> = objects
        .flat_map(|object| certificates(object.value()))
        .collect();
    inspection
        .of_kind("Certificate")
        .filter(|certificate| !used.contains(text(&certificate.value()["spec"], "secretName")))
        .map(|certificate| {
            Finding::new(
                certificate,
                "no Ingress or Gateway uses it",
                "name its secretName in the Ingress or the Gateway",
            )
        })
        .collect()
}

fn volumes_exist(pod: &Pod<'_>) -> Vec<Finding> {
    let volumes = items(&pod.spec()["volumes"])
        .iter()
        .map(|volume| text(volume, "name"));
    let claims = items(pod.owner.at(&["spec", "volumeClaimTemplates"])).iter();
    let claims = claims.map(|claim| text(&claim["metadata"], "name"));
    let volumes: BTreeSet<_> = volumes.chain(claims).collect();
    let mut findings = Vec::new();
    let mut mounted = BTreeSet::new();
    for container in pod.containers() {
        for mount in items(&container.value["volumeMounts"]) {
            let name = text(mount, "name");
            mounted.insert(name);
            if !volumes.contains(name) {
                findings.push(Finding::new(
                    pod.owner,
                    format!(
                        "container {} mounts {name}, which does not exist",
                        container.name()
                    ),
                    "add the volume, or correct the name",
                ));
            }
        }
    }
    for unused in volumes.difference(&mounted) {
        findings.push(Finding::new(
            pod.owner,
            format!("no container mounts its volume {unused}"),
            "mount it or remove it",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds};
    use super::*;

    fn pod(spec: &str, container: &str) -> String {
        format!(
            "kind: Pod\nmetadata: {{ name: it }}\nspec: {{ {spec} containers: [{{ name: main, {container} }}] }}"
        )
    }

    fn variable(field: &str, name: &str, key: &str) -> String {
        let source = format!("{{ {field}: {{ name: {name}, key: {key} }} }}");
        pod("", &format!("env: [{{ name: A, valueFrom: {source} }}]"))
    }

    #[test]
    fn a_documented_secret_has_only_the_documented_keys() {
        assert_clean(
            keys_exist,
            &variable("secretKeyRef", "jwt-secret", "JWT_KEY"),
        );
        assert_finds(
            keys_exist,
            &variable("secretKeyRef", "jwt-secret", "KEY"),
            &["no key KEY", "docs/deployment.md"],
        );
        assert_finds(
            keys_exist,
            &variable("secretKeyRef", "other", "KEY"),
            &["the Secret other does not exist"],
        );
    }

    #[test]
    fn a_config_map_is_in_the_manifests() {
        let map = "kind: ConfigMap\nmetadata: { name: shop }\ndata: { ORIGIN: a }\n---\n";
        assert_clean(
            keys_exist,
            &format!("{map}{}", variable("configMapKeyRef", "shop", "ORIGIN")),
        );
        let wrong = format!("{map}{}", variable("configMapKeyRef", "shop", "ORIGINS"));
        assert_finds(keys_exist, &wrong, &["ConfigMap shop has no key ORIGINS"]);
        assert_finds(
            keys_exist,
            &variable("configMapKeyRef", "shop", "A"),
            &["the ConfigMap shop does not exist"],
        );
        let optional =
            variable("configMapKeyRef", "shop", "A").replace("key: A", "key: A, optional: true");
        assert_clean(keys_exist, &optional);
    }

    #[test]
    fn volumes_and_whole_environments_are_checked() {
        let volume = "volumes: [{ name: a, secret: { secretName: jwt-secret, items: [{ key: KEY, path: a }] } }],";
        assert_finds(keys_exist, &pod(volume, ""), &["no key KEY"]);
        let projected =
            "volumes: [{ name: a, projected: { sources: [{ configMap: { name: b } }] } }],";
        assert_finds(keys_exist, &pod(projected, ""), &["ConfigMap b"]);
        assert_finds(
            keys_exist,
            &pod("", "envFrom: [{ secretRef: { name: b } }]"),
            &["Secret b"],
        );
    }

    #[test]
    fn a_certificate_creates_its_secret() {
        let ingress =
            "kind: Ingress\nmetadata: { name: it }\nspec: { tls: [{ secretName: shop-tls }] }";
        assert_finds(keys_exist, ingress, &["the Secret shop-tls does not exist"]);
        let certificate = "kind: Certificate\nspec: { secretName: shop-tls }";
        let both = format!("{ingress}\n---\n{certificate}");
        assert_clean(keys_exist, &both);
        assert_clean(certificates_are_used, &both);
        assert_finds(
            certificates_are_used,
            certificate,
            &["no Ingress or Gateway"],
        );
        let gateway =
            "kind: Gateway\nspec: { listeners: [{ tls: { certificateRefs: [{ name: a }] } }] }";
        assert_finds(keys_exist, gateway, &["Secret a"]);
    }

    #[test]
    fn accounts_volumes_and_issuers_exist() {
        assert_finds(
            names_exist,
            &pod("serviceAccountName: a,", ""),
            &["ServiceAccount a"],
        );
        assert_finds(
            names_exist,
            &pod("", "volumeMounts: [{ name: a }]"),
            &["mounts a"],
        );
        assert_finds(
            names_exist,
            &pod("volumes: [{ name: a }],", ""),
            &["no container mounts its volume a"],
        );
        let claimed = "kind: StatefulSet\nmetadata: { name: it }\nspec: { volumeClaimTemplates: [{ metadata: { name: data } }], template: { spec: { containers: [{ volumeMounts: [{ name: data }] }] } } }";
        assert_clean(names_exist, claimed);
        let certificate = "kind: Certificate\nspec: { issuerRef: { kind: Issuer, name: a } }";
        assert_finds(names_exist, certificate, &["Issuer a"]);
    }
}
