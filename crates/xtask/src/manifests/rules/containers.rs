//! Every container, whoever wrote it: what it may write, use and be.

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{at, image_name, items, text};

/// Beyond Pod Security: the root file system is read-only.
pub(super) fn hardened(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in inspection.pods() {
        for container in pod.containers() {
            if container.value["securityContext"]["readOnlyRootFilesystem"] != true {
                findings.push(Finding::new(
                    pod.owner,
                    format!(
                        "container {} can write to its image's files",
                        container.name()
                    ),
                    "set readOnlyRootFilesystem: true and mount an emptyDir where it has to write",
                ));
            }
        }
    }
    findings
}

/// Each says what it needs, and how much memory it may take at most. No limit on processors is asked for: it throttles
/// in bursts, and takes nothing from others that their requests would not give back.
pub(super) fn bounded(inspection: &Inspection<'_>) -> Vec<Finding> {
    let wanted = [
        ("requests", "cpu"),
        ("requests", "memory"),
        ("limits", "memory"),
    ];
    let mut findings = Vec::new();
    for pod in inspection.pods() {
        for container in pod.containers() {
            for (kind, resource) in wanted {
                if at(container.value, &["resources", kind, resource]).is_null() {
                    findings.push(Finding::new(
                        pod.owner,
                        format!(
                            "container {} has no {resource} in its {kind}",
                            container.name()
                        ),
                        format!("set resources.{kind}.{resource} to what it really uses"),
                    ));
                }
            }
        }
    }
    findings
}

/// What runs tomorrow is what ran yesterday; and an image of ours is one that is built.
pub(super) fn pinned_images(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_ours = |stem: &str| {
        let services = &inspection.known.services;
        services.iter().any(|service| service.name == stem)
    };
    for pod in inspection.pods() {
        for container in pod.containers() {
            let image = text(container.value, "image");
            let name = image_name(image);
            let tag = image[name.len()..].trim_start_matches(':');
            if tag.is_empty() || tag == "latest" {
                findings.push(Finding::new(
                    pod.owner,
                    format!("the image {image:?} may be another tomorrow"),
                    "give it a version under `images` of the kustomization",
                ));
            }
            let built = inspection.known.images.as_ref();
            if is_ours(container.image_stem()) && built.is_some_and(|built| !built.contains(name)) {
                findings.push(Finding::new(
                    pod.owner,
                    format!("nobody builds the image {name}"),
                    "call it as an artifact of skaffold.yaml is called",
                ));
            }
        }
    }
    findings
}

/// A token for the Kubernetes API is only where a role is bound to its account.
pub(super) fn no_needless_tokens(inspection: &Inspection<'_>) -> Vec<Finding> {
    let bound = |account: &str| {
        let bindings = inspection
            .of_kind("RoleBinding")
            .chain(inspection.of_kind("ClusterRoleBinding"));
        bindings
            .flat_map(|binding| items(&binding.value()["subjects"]))
            .any(|subject| {
                text(subject, "kind") == "ServiceAccount" && text(subject, "name") == account
            })
    };
    let mut findings = Vec::new();
    for pod in inspection.pods() {
        let spec = pod.spec();
        let account = text(spec, "serviceAccountName");
        let of_account = inspection.find("ServiceAccount", account);
        let of_account = of_account.map(|account| &account.value()["automountServiceAccountToken"]);
        let has_token = spec["automountServiceAccountToken"]
            .as_bool()
            .unwrap_or_else(|| of_account.is_none_or(|says| *says != false));
        if has_token && !bound(account) {
            findings.push(Finding::new(
                pod.owner,
                "its pods have a token for the Kubernetes API that nothing is allowed to",
                "set automountServiceAccountToken: false",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds, findings, findings_in, known};
    use super::*;
    use crate::manifests::inspection::Known;

    fn pod(container: &str) -> String {
        format!(
            "kind: Pod\nmetadata: {{ name: it }}\nspec: {{ containers: [{{ name: main, {container} }}] }}"
        )
    }

    #[test]
    fn a_container_cannot_write_to_its_image() {
        assert_finds(hardened, &pod(""), &["Pod/it", "main can write"]);
        assert_clean(
            hardened,
            &pod("securityContext: { readOnlyRootFilesystem: true }"),
        );
    }

    #[test]
    fn a_container_says_what_it_needs() {
        let all = "resources: { requests: { cpu: 1m, memory: 1Mi }, limits: { memory: 1Mi } }";
        assert_clean(bounded, &pod(all));
        assert_finds(
            bounded,
            &pod(&all.replace("cpu: 1m, ", "")),
            &["cpu in its requests"],
        );
        assert_eq!(findings(bounded, &pod("")).len(), 3);
    }

    #[test]
    fn an_image_has_a_version() {
        for image in ["nats", "nats:latest", "localhost:5000/nats"] {
            assert_finds(
                pinned_images,
                &pod(&format!("image: '{image}'")),
                &["tomorrow"],
            );
        }
        assert_clean(pinned_images, &pod("image: 'nats:2.15.0'"));
        assert_clean(pinned_images, &pod("image: 'nats@sha256:00'"));
    }

    #[test]
    fn an_image_of_ours_is_built_by_somebody() {
        let known = Known {
            images: Some(["ticketing/tickets".to_owned()].into()),
            ..known()
        };
        let ours = |image: &str| {
            findings_in(
                pinned_images,
                &pod(&format!("image: '{image}:1'")),
                &known,
                true,
            )
        };
        assert_eq!(ours("ticketing/tickets"), Vec::<String>::new());
        assert_eq!(ours("nats"), Vec::<String>::new());
        assert!(ours("shop/tickets")[0].contains("nobody builds the image shop/tickets"));
    }

    #[test]
    fn a_token_is_only_where_it_opens_something() {
        let pod = "kind: Pod\nmetadata: { name: it }\nspec: { serviceAccountName: alloy }";
        assert_finds(no_needless_tokens, pod, &["token"]);
        let without =
            "kind: Pod\nspec: { serviceAccountName: a, automountServiceAccountToken: false }";
        assert_clean(no_needless_tokens, without);
        let account =
            "kind: ServiceAccount\nmetadata: { name: alloy }\nautomountServiceAccountToken: false";
        assert_clean(no_needless_tokens, &format!("{pod}\n---\n{account}"));
        let binding = "kind: RoleBinding\nsubjects: [{ kind: ServiceAccount, name: alloy }]";
        assert_clean(no_needless_tokens, &format!("{pod}\n---\n{binding}"));
    }
}
