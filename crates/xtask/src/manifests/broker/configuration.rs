//! The broker's configuration as the manifests give it, with passwords of our own in the Secrets' places.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::servers::NatsConfiguration;

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Container, Object, Pod, at, items, text, texts};

const MAIN_FILE: &str = "nats.conf";
const CLUSTER_FILE: &str = "cluster.conf";

/// What a broker of the manifests runs by, and who comes to it.
pub(super) struct Configuration {
    /// Where it is said.
    pub(super) place: String,
    /// What the server is given.
    pub(super) server: NatsConfiguration,
    /// The user and the password of each service.
    pub(super) credentials: BTreeMap<String, (String, String)>,
}

impl Configuration {
    /// Reads the overlay's broker, or says why there is none.
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
        let map = map.ok_or_else(|| missing("nobody makes a nats.conf"))?;
        let container =
            reader(inspection, map).ok_or_else(|| missing("nobody reads the nats.conf"))?;
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

    /// The same for one server that waits for no others.
    pub(super) fn alone(&self) -> NatsConfiguration {
        let mut alone = self.server.clone();
        for (name, text) in &mut alone.files {
            if name == CLUSTER_FILE {
                text.clear();
            }
        }
        alone
    }

    /// The server does not take the configuration.
    pub(super) fn refused(&self, error: &anyhow::Error) -> Finding {
        Finding::new(
            &self.place,
            format!("the broker refuses it: {error:#}"),
            "mend it",
        )
    }
}

/// The container of a pod that mounts the map.
fn reader<'a>(inspection: &Inspection<'a>, map: &Object) -> Option<Container<'a>> {
    let mounts = |pod: &Pod<'_>| {
        let mut volumes = items(&pod.spec()["volumes"]).iter();
        volumes.any(|volume| text(&volume["configMap"], "name") == map.name())
    };
    let pod = inspection.pods().find(mounts)?;
    pod.containers().find(|container| !container.is_init)
}

/// The variables of a container, as its process sees them: what refers to a variable before it is replaced.
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

/// The value of a variable. That of a Secret's key is made up, the same for all who read it.
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
