//! Reads the broker's configuration from the manifests, with generated passwords in place of the Secrets.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::servers::NatsConfiguration;

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Container, Object, Pod, at, items, text, texts};

const MAIN_FILE: &str = "nats.conf";
const CLUSTER_FILE: &str = "cluster.conf";

pub(super) struct Configuration {
    /// The object that contains the configuration.
    pub(super) place: String,
    pub(super) server: NatsConfiguration,
    /// The user and the password of each service.
    pub(super) credentials: BTreeMap<String, (String, String)>,
}

impl Configuration {
    /// Reads the configuration of the overlay's broker.
    pub(super) fn of(inspection: &Inspection<'_>) -> Result<Self, Finding> {
        let map = inspection
            .of_kind("ConfigMap")
            .find(|map| !map.at(&["data"])[MAIN_FILE].is_null());
        let missing = |wrong: &str| {
            Finding::new(
                "StatefulSet/nats",
                wrong,
                "mount a ConfigMap with the key nats.conf",
            )
        };
        let map = map.ok_or_else(|| missing("no ConfigMap has a nats.conf"))?;
        let container =
            reader(inspection, map).ok_or_else(|| missing("no pod mounts the nats.conf"))?;
        let files = texts(map.at(&["data"])).into_iter();
        let credentials = inspection.deployed().filter_map(|deployed| {
            let variables = variables(inspection, &deployed.container);
            let variable = |wanted: &str| {
                let found = variables.iter().find(|(name, _)| name == wanted);
                found.map(|(_, value)| value.clone())
            };
            let user = (variable("NATS_USER")?, variable("NATS_PASSWORD")?);
            Some((deployed.service.name.clone(), user))
        });
        Ok(Self {
            place: map.to_string(),
            server: NatsConfiguration {
                files: files
                    .map(|(name, text)| (name.to_owned(), text.to_owned()))
                    .collect(),
                variables: variables(inspection, &container),
            },
            credentials: credentials.collect(),
        })
    }

    /// The configuration for a server without a cluster.
    pub(super) fn standalone(&self) -> NatsConfiguration {
        let mut standalone = self.server.clone();
        for (name, text) in &mut standalone.files {
            if name == CLUSTER_FILE {
                text.clear();
            }
        }
        standalone
    }

    /// The finding that the server refuses the configuration.
    pub(super) fn refused(&self, error: &anyhow::Error) -> Finding {
        Finding::new(
            &self.place,
            format!("the broker refuses it: {error:#}"),
            "correct it",
        )
    }
}

/// The container of the pod that mounts the ConfigMap.
fn reader<'a>(inspection: &Inspection<'a>, map: &Object) -> Option<Container<'a>> {
    let mounts = |pod: &Pod<'_>| {
        let mut volumes = items(&pod.spec()["volumes"]).iter();
        volumes.any(|volume| text(&volume["configMap"], "name") == map.name())
    };
    let pod = inspection.pods().find(mounts)?;
    pod.containers().find(|container| !container.is_init)
}

/// The environment of a container, with references to earlier variables expanded.
fn variables(inspection: &Inspection<'_>, container: &Container<'_>) -> Vec<(String, String)> {
    let mut known: Vec<(String, String)> = Vec::new();
    for variable in container.environment() {
        let Some(value) = value(inspection, variable) else {
            continue;
        };
        let value = known.iter().fold(value, |value, (name, known)| {
            value.replace(&format!("$({name})"), known)
        });
        known.push((text(variable, "name").to_owned(), value));
    }
    known
}

/// The value of a variable. The value of a Secret's key is generated from its name, the same in every container.
fn value(inspection: &Inspection<'_>, variable: &Value) -> Option<String> {
    if let Some(value) = variable["value"].as_str() {
        return Some(value.to_owned());
    }
    let source = &variable["valueFrom"];
    let (secret, map) = (&source["secretKeyRef"], &source["configMapKeyRef"]);
    if !secret.is_null() {
        return Some(format!(
            "p-{}-{}",
            text(secret, "name"),
            text(secret, "key")
        ));
    }
    if !map.is_null() {
        let map_object = inspection.find("ConfigMap", text(map, "name"))?;
        return map_object.at(&["data"])[text(map, "key")]
            .as_str()
            .map(str::to_owned);
    }
    let field = at(source, &["fieldRef", "fieldPath"]);
    (!field.is_null()).then(|| "nats-0".to_owned())
}
