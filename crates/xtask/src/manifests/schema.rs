//! Whether objects are what the Kubernetes API takes: every field known, every value of the right type.
//!
//! The schemas of Kubernetes' own kinds are those of its releases, made strict: they come with a Python package. Of the
//! few kinds of others no registry carries a schema that can be read, so there is one of ours for each beside this file,
//! which knows what we use of it and refuses the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;

use super::inspection::Finding;
use super::object::Object;

/// The oldest release that we run on, so that no field of a later one slips in, and a new one, where fields may be gone.
pub(crate) const RELEASES: [&str; 2] = ["v1.30.0", "v1.34.0"];

/// The kinds of others, as their files are called.
const KINDS_OF_OTHERS: [(&str, &str); 6] = [
    (
        "backendtrafficpolicy-gateway-v1alpha1",
        include_str!("schemas/backendtrafficpolicy-gateway-v1alpha1.json"),
    ),
    (
        "certificate-cert-manager-v1",
        include_str!("schemas/certificate-cert-manager-v1.json"),
    ),
    (
        "clienttrafficpolicy-gateway-v1alpha1",
        include_str!("schemas/clienttrafficpolicy-gateway-v1alpha1.json"),
    ),
    (
        "gateway-gateway-v1",
        include_str!("schemas/gateway-gateway-v1.json"),
    ),
    (
        "httproute-gateway-v1",
        include_str!("schemas/httproute-gateway-v1.json"),
    ),
    (
        "issuer-cert-manager-v1",
        include_str!("schemas/issuer-cert-manager-v1.json"),
    ),
];

/// The schemas of one release, compiled as they are needed.
pub(crate) struct Schemas {
    release: &'static str,
    folder: PathBuf,
    compiled: BTreeMap<String, Option<Validator>>,
    /// What was found right before; overlays have most objects in common.
    seen: BTreeSet<String>,
}

/// Finds the definitions that the schemas of a folder share.
struct Folder(PathBuf);

impl Retrieve for Folder {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let path = uri.path().as_str();
        let name = path.rsplit('/').next().unwrap_or(path);
        Ok(read(&self.0.join(name))?)
    }
}

fn read(path: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("no JSON in {}", path.display()))
}

impl Schemas {
    /// The schemas of this release in the package that is unpacked in this folder.
    pub(crate) fn of(release: &'static str, package: &Path) -> Self {
        let folder = package.join("kubernetes_validate/kubernetes-json-schema");
        Self {
            release,
            folder: folder.join(format!("{release}-local-strict")),
            compiled: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

    /// What is wrong with the object.
    fn check(&mut self, object: &Object) -> Result<Vec<Finding>> {
        if !self.seen.insert(object.value().to_string()) {
            return Ok(Vec::new());
        }
        let name = file_name(object);
        if !self.compiled.contains_key(&name) {
            let validator = self.compile(&name)?;
            self.compiled.insert(name.clone(), validator);
        }
        let Some(Some(validator)) = self.compiled.get(&name) else {
            return Ok(vec![Finding::new(
                object,
                format!(
                    "Kubernetes {} knows no {} of {}",
                    self.release,
                    object.kind(),
                    object.api_version()
                ),
                "mend its kind or apiVersion; a kind of others needs a schema in crates/xtask/src/manifests/schemas",
            )]);
        };
        let faults = validator.iter_errors(object.value());
        Ok(faults
            .map(|fault| {
                let place = fault.instance_path().to_string();
                Finding::new(
                    object,
                    format!("{place}: {fault}"),
                    format!(
                        "look it up in the API reference of Kubernetes {}",
                        self.release
                    ),
                )
            })
            .collect())
    }

    fn compile(&self, name: &str) -> Result<Option<Validator>> {
        let of_others = KINDS_OF_OTHERS.iter().find(|(known, _)| *known == name);
        let schema = if let Some((_, text)) = of_others {
            serde_json::from_str(text).context("a schema of ours")?
        } else {
            let path = self.folder.join(format!("{name}.json"));
            if !path.is_file() {
                return Ok(None);
            }
            read(&path)?
        };
        let compiled = jsonschema::options()
            .with_retriever(Folder(self.folder.clone()))
            .build(&schema);
        let compiled = compiled.map_err(|error| anyhow::anyhow!("the schema {name}: {error}"))?;
        Ok(Some(compiled))
    }
}

/// What is wrong with the object in the first of the releases that does not take it.
pub(crate) fn check(releases: &mut [Schemas], object: &Object) -> Result<Vec<Finding>> {
    for schemas in releases {
        let findings = schemas.check(object)?;
        if !findings.is_empty() {
            return Ok(findings);
        }
    }
    Ok(Vec::new())
}

/// The name of an object's schema: `deployment-apps-v1`, `service-v1`, `ingress-networking-v1`.
fn file_name(object: &Object) -> String {
    let kind = object.kind().to_lowercase();
    match object.api_version().split_once('/') {
        Some((group, version)) => {
            let group = group.split('.').next().unwrap_or(group);
            format!("{kind}-{group}-{version}")
        }
        None => format!("{kind}-{}", object.api_version()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::read_all;
    use super::*;

    /// The schemas of a release that knows but one kind, spelled as the real ones are.
    fn schemas(package: &Path) -> Schemas {
        let folder =
            package.join("kubernetes_validate/kubernetes-json-schema/v1.30.0-local-strict");
        fs::create_dir_all(&folder).unwrap();
        let definitions = r#"{"$defs": {"spec": {"type": "object", "additionalProperties": false,
            "properties": {"replicas": {"type": "integer"}}}}}"#;
        fs::write(folder.join("_definitions.json"), definitions).unwrap();
        let deployment = r#"{"$id": "/api/deployment-apps-v1.json", "type": "object", "properties": {
            "spec": {"$ref": "/api/_definitions.json#/$defs/spec"}}}"#;
        fs::write(folder.join("deployment-apps-v1.json"), deployment).unwrap();
        Schemas::of("v1.30.0", package)
    }

    fn wrong(yaml: &str) -> Vec<String> {
        let package = tempfile::tempdir().unwrap();
        let mut schemas = schemas(package.path());
        let objects = read_all(yaml).unwrap();
        let found = objects
            .iter()
            .flat_map(|object| schemas.check(object).unwrap());
        found.map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn unknown_fields_kinds_and_wrong_types_are_refused() {
        let deployment =
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: it }\nspec: { replicas: 1 }";
        assert_eq!(wrong(deployment), Vec::<String>::new());
        let typo = wrong(&deployment.replace("replicas", "replica"));
        assert!(
            typo[0].contains("/spec") && typo[0].contains("'replica'"),
            "{typo:?}"
        );
        let text = wrong(&deployment.replace("1 }", "one }"));
        assert!(text[0].contains("/spec/replicas"), "{text:?}");
        let unknown = wrong(&deployment.replace("apps/v1", "apps/v1beta1"));
        assert!(
            unknown[0].contains("knows no Deployment of apps/v1beta1"),
            "{unknown:?}"
        );
    }

    #[test]
    fn kinds_of_others_are_as_strict() {
        let certificate = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: { name: it }\nspec: { secretName: a, dnsNames: [a], issuerRef: { name: a } }";
        assert_eq!(wrong(certificate), Vec::<String>::new());
        assert_eq!(wrong(&certificate.replace("dnsNames", "dnsName")).len(), 2);
    }

    #[test]
    fn what_was_right_before_is_not_looked_at_again() {
        let unknown = "apiVersion: v1\nkind: Riddle";
        assert_eq!(wrong(&format!("{unknown}\n---\n{unknown}")).len(), 1);
    }
}
