//! Checks objects against the schemas of the Kubernetes API, which reject unknown fields and wrong types.
//!
//! A Python package contains strict schemas of Kubernetes' releases. No registry has usable schemas of the few custom
//! resources, so `schemas` contains our own. They allow only the fields that we use.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;

use super::inspection::Finding;
use super::object::Object;

/// The oldest supported release, which rejects newer fields, and a new one, which rejects removed fields.
pub(crate) const RELEASES: [&str; 2] = ["v1.30.0", "v1.34.0"];

/// The custom resources by the names of their schemas.
const CUSTOM_RESOURCES: [(&str, &str); 6] = [
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

/// The schemas of one release, compiled on first use.
pub(crate) struct Schemas {
    release: &'static str,
    folder: PathBuf,
    compiled: BTreeMap<String, Option<Validator>>,
    /// Objects that were checked already: the overlays share most of them.
    seen: BTreeSet<String>,
}

/// Resolves references between the schemas of a folder.
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
    serde_json::from_str(&text).with_context(|| format!("invalid JSON in {}", path.display()))
}

impl Schemas {
    /// The schemas of this release in the folder of the unpacked package.
    pub(crate) fn of(release: &'static str, package: &Path) -> Self {
        let folder = package.join("kubernetes_validate/kubernetes-json-schema");
        Self {
            release,
            folder: folder.join(format!("{release}-local-strict")),
            compiled: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

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
                    "Kubernetes {} has no {} of {}",
                    self.release,
                    object.kind(),
                    object.api_version()
                ),
                "correct its kind or apiVersion; a custom resource needs a schema in crates/xtask/src/manifests/schemas",
            )]);
        };
        let faults = validator.iter_errors(object.value());
        Ok(faults
            .map(|fault| {
                let place = fault.instance_path().to_string();
                Finding::new(
                    object,
                    format!("{place}: {fault}"),
                    format!("see the API reference of Kubernetes {}", self.release),
                )
            })
            .collect())
    }

    fn compile(&self, name: &str) -> Result<Option<Validator>> {
        let custom = CUSTOM_RESOURCES.iter().find(|(known, _)| *known == name);
        let schema = if let Some((_, text)) = custom {
            serde_json::from_str(text).context("one of our schemas is invalid")?
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

/// Checks the object against each release, and returns the findings of the first that rejects it.
pub(crate) fn check(releases: &mut [Schemas], object: &Object) -> Result<Vec<Finding>> {
    for schemas in releases {
        let findings = schemas.check(object)?;
        if !findings.is_empty() {
            return Ok(findings);
        }
    }
    Ok(Vec::new())
}

/// The name of an object's schema, for example `deployment-apps-v1`, `service-v1` or `ingress-networking-v1`.
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

    /// The schemas of a release with only one kind, in the format of the real ones.
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
            unknown[0].contains("has no Deployment of apps/v1beta1"),
            "{unknown:?}"
        );
    }

    #[test]
    fn schemas_of_custom_resources_are_strict() {
        let certificate = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: { name: it }\nspec: { secretName: a, dnsNames: [a], issuerRef: { name: a } }";
        assert_eq!(wrong(certificate), Vec::<String>::new());
        assert_eq!(wrong(&certificate.replace("dnsNames", "dnsName")).len(), 2);
    }

    #[test]
    fn equal_objects_are_checked_once() {
        let unknown = "apiVersion: v1\nkind: Riddle";
        assert_eq!(wrong(&format!("{unknown}\n---\n{unknown}")).len(), 1);
    }
}
