//! Rules for all containers: images, environment variables and tokens.

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{image_name, items, text};

/// A registry that cannot exist (RFC 2606).
const PLACEHOLDER: &str = "registry.invalid/";

/// Images are pinned by digest. Our own have a placeholder registry until an overlay names the real one, and Skaffold
/// builds them.
pub(super) fn pinned_images(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_ours = |stem: &str| {
        let services = &inspection.known.services;
        services.iter().any(|service| service.name == stem)
    };
    for pod in inspection.pods() {
        for container in pod.containers() {
            let image = text(container.value, "image");
            let mut complain = |wrong: String, remedy: &str| {
                findings.push(Finding::new(pod.owner, wrong, remedy));
            };
            let name = image_name(image);
            let is_placeholder = name.starts_with(PLACEHOLDER);
            if is_placeholder && inspection.overlay.is_final {
                complain(
                    format!("the image {name} is a placeholder that cannot be pulled"),
                    "set newName and digest under `images` of the kustomization",
                );
            } else if !is_placeholder && !has_digest(image) {
                complain(
                    format!("the image {image:?} is not pinned"),
                    "name it as NAME:VERSION@sha256:DIGEST",
                );
            }
            let built = inspection.known.images.as_ref();
            let is_built = built.is_none_or(|built| built.contains(name));
            if !inspection.overlay.is_final && is_ours(container.image_stem()) && !is_built {
                complain(
                    format!("Skaffold does not build the image {name}"),
                    "use the name of an artifact in skaffold.yaml",
                );
            }
        }
    }
    findings
}

fn has_digest(image: &str) -> bool {
    image.rsplit_once("@sha256:").is_some_and(|(_, digest)| {
        digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Variables in the value of another variable are defined before it. Otherwise Kubernetes does not expand `$(NAME)`,
/// and Kustomize moves patched variables to the front.
pub(super) fn variables_are_expanded(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in inspection.pods() {
        for container in pod.containers() {
            let environment = container.environment();
            let has_more = !items(&container.value["envFrom"]).is_empty();
            for (place, variable) in environment.iter().enumerate() {
                for part in parts(text(variable, "value")) {
                    let mut others = environment.iter();
                    let is_expanded = match others.position(|other| text(other, "name") == part) {
                        Some(defined) => defined < place,
                        None => has_more,
                    };
                    if !is_expanded {
                        findings.push(Finding::new(
                            pod.owner,
                            format!(
                                "{} contains $({part}), which is not defined before it",
                                text(variable, "name")
                            ),
                            format!(
                                "in an overlay's patch, put `- name: {part}` (nothing else) above it"
                            ),
                        ));
                    }
                }
            }
        }
    }
    findings
}

/// The names of the variables `$(NAME)` in a value, where `$$` is an escaped dollar.
fn parts(value: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('$') {
        let part = after
            .strip_prefix('(')
            .and_then(|part| part.split_once(')'));
        rest = match part {
            Some((part, after)) => {
                parts.push(part);
                after
            }
            None => after.strip_prefix('$').unwrap_or(after),
        };
    }
    parts
}

/// Only accounts with a role have a token for the Kubernetes API.
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
                "its pods have a token for the Kubernetes API but no role",
                "set automountServiceAccountToken: false",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds, findings_in, known};
    use super::*;
    use crate::manifests::inspection::{Known, Overlay};
    use crate::manifests::object::read_all;

    fn pod(container: &str) -> String {
        format!(
            "kind: Pod\nmetadata: {{ name: it }}\nspec: {{ containers: [{{ name: main, {container} }}] }}"
        )
    }

    #[test]
    fn an_image_has_a_digest() {
        for image in [
            "nats",
            "nats:2.15.0",
            "localhost:5000/nats",
            "nats@sha256:00",
        ] {
            assert_finds(
                pinned_images,
                &pod(&format!("image: '{image}'")),
                &["not pinned"],
            );
        }
        let digest = "0a".repeat(32);
        for image in ["nats", "nats:2.15.0"] {
            assert_clean(
                pinned_images,
                &pod(&format!("image: '{image}@sha256:{digest}'")),
            );
        }
    }

    #[test]
    fn a_final_overlay_has_no_placeholder() {
        let image = "registry.invalid/ticketing/tickets";
        let yaml = pod(&format!("image: '{image}:1'"));
        assert_clean(pinned_images, &yaml);
        let applied = |yaml: &str| {
            let overlay = Overlay {
                is_production: true,
                is_final: true,
                objects: read_all(yaml).unwrap(),
            };
            pinned_images(&Inspection {
                overlay: &overlay,
                known: &Known {
                    images: Some([image.to_owned()].into()),
                    ..known()
                },
            })
        };
        let [finding] = applied(&yaml).try_into().unwrap();
        assert!(finding.wrong.contains("cannot be pulled"), "{finding}");
        let real = format!("ghcr.io/us/tickets@sha256:{}", "0a".repeat(32));
        assert_eq!(applied(&yaml.replace(&format!("{image}:1"), &real)), []);
    }

    #[test]
    fn a_variable_uses_only_those_before_it() {
        let password = "{ name: PASSWORD, value: a }";
        let url = "{ name: URL, value: 'b://$(PASSWORD)@c' }";
        let rule = variables_are_expanded;
        let env = |variables: &str| pod(&format!("env: [{variables}]"));
        assert_clean(rule, &env(&format!("{password}, {url}")));
        for wrong in [format!("{url}, {password}"), url.to_owned()] {
            assert_finds(rule, &env(&wrong), &["Pod/it", "URL contains $(PASSWORD)"]);
        }
        let escaped = url.replace("$(", "$$(");
        assert_clean(rule, &env(&escaped));
        let elsewhere = pod(&format!(
            "env: [{url}], envFrom: [{{ secretRef: {{ name: a }} }}]"
        ));
        assert_clean(rule, &elsewhere);
    }

    #[test]
    fn skaffold_builds_our_images() {
        let known = Known {
            images: Some(["ticketing/tickets".to_owned()].into()),
            ..known()
        };
        let ours = |image: &str| {
            findings_in(
                pinned_images,
                &pod(&format!("image: '{image}@sha256:{}'", "0a".repeat(32))),
                &known,
                true,
            )
        };
        assert_eq!(ours("ticketing/tickets"), Vec::<String>::new());
        assert_eq!(ours("nats"), Vec::<String>::new());
        assert!(ours("shop/tickets")[0].contains("does not build the image shop/tickets"));
    }

    #[test]
    fn only_accounts_with_a_role_have_a_token() {
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
