//! Kubernetes objects.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// Labels by their names.
pub(crate) type Labels<'a> = BTreeMap<&'a str, &'a str>;

#[derive(Debug, Clone)]
pub(crate) struct Object(Value);

/// The pods that an object creates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pod<'a> {
    /// The object that creates them.
    pub(crate) owner: &'a Object,
    template: &'a Value,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) value: &'a Value,
    pub(crate) is_init: bool,
}

/// Reads all objects of a YAML stream.
pub(crate) fn read_all(text: &str) -> Result<Vec<Object>> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).context("invalid YAML"))
        .filter(|value| !matches!(value, Ok(Value::Null)))
        .map(|value| value.map(Object))
        .collect()
}

/// The value at a path of field names, or null.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, name| &value[*name])
}

/// The items of a list, empty if it is missing.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a field, empty if it is missing.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The fields of a map that have texts.
pub(crate) fn texts(value: &Value) -> Labels<'_> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect()
}

impl Object {
    pub(crate) const fn value(&self) -> &Value {
        &self.0
    }

    pub(crate) fn kind(&self) -> &str {
        text(&self.0, "kind")
    }

    pub(crate) fn api_version(&self) -> &str {
        text(&self.0, "apiVersion")
    }

    pub(crate) fn name(&self) -> &str {
        text(&self.0["metadata"], "name")
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind() == kind
    }

    pub(crate) fn at(&self, path: &[&str]) -> &Value {
        at(&self.0, path)
    }

    /// The number of pods in its own specification. An autoscaler may change it.
    pub(crate) fn replicas(&self) -> u64 {
        self.at(&["spec", "replicas"]).as_u64().unwrap_or(1)
    }

    /// The pods that it creates, if it is a workload.
    pub(crate) fn pod(&self) -> Option<Pod<'_>> {
        let template = match self.kind() {
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
                self.at(&["spec", "template"])
            }
            "CronJob" => self.at(&["spec", "jobTemplate", "spec", "template"]),
            "Pod" => &self.0,
            _ => return None,
        };
        Some(Pod {
            owner: self,
            template,
        })
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind(), self.name())
    }
}

impl<'a> Pod<'a> {
    pub(crate) fn labels(&self) -> Labels<'a> {
        texts(at(self.template, &["metadata", "labels"]))
    }

    pub(crate) fn annotations(&self) -> Labels<'a> {
        texts(at(self.template, &["metadata", "annotations"]))
    }

    pub(crate) fn spec(&self) -> &'a Value {
        &self.template["spec"]
    }

    pub(crate) fn containers(&self) -> impl Iterator<Item = Container<'a>> + use<'a> {
        let spec = self.spec();
        let of = |field, is_init| {
            let values = items(&spec[field]).iter();
            values.map(move |value| Container { value, is_init })
        };
        of("initContainers", true)
            .chain(of("containers", false))
            .chain(of("ephemeralContainers", false))
    }

    /// The number of the container port with this name or number.
    pub(crate) fn port(&self, wanted: &Value) -> Option<u64> {
        let mut ports = self
            .containers()
            .flat_map(|container| items(&container.value["ports"]));
        match wanted {
            Value::String(name) => ports
                .find(|port| text(port, "name") == name)
                .and_then(|port| port["containerPort"].as_u64()),
            number => {
                let number = number.as_u64()?;
                ports
                    .any(|port| port["containerPort"].as_u64() == Some(number))
                    .then_some(number)
            }
        }
    }
}

impl<'a> Container<'a> {
    pub(crate) fn name(&self) -> &'a str {
        text(self.value, "name")
    }

    /// The image's name without registry, path and tag: `tickets` for `ticketing/tickets:1.0`.
    pub(crate) fn image_stem(&self) -> &'a str {
        let image = image_name(text(self.value, "image"));
        image.rsplit('/').next().unwrap_or(image)
    }

    pub(crate) fn environment(&self) -> &'a [Value] {
        items(&self.value["env"])
    }

    /// The number of the port with this name.
    pub(crate) fn port(&self, name: &str) -> Option<u64> {
        let port = items(&self.value["ports"])
            .iter()
            .find(|port| text(port, "name") == name)?;
        port["containerPort"].as_u64()
    }
}

/// The image without tag and digest.
pub(crate) fn image_name(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // A colon before a slash precedes the registry's port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_image_excludes_its_tag_and_digest() {
        assert_eq!(image_name("nats:2.15"), "nats");
        assert_eq!(image_name("localhost:5000/nats"), "localhost:5000/nats");
        assert_eq!(image_name("a/nats:2@sha256:00"), "a/nats");
    }

    #[test]
    fn empty_documents_are_ignored() {
        let objects = read_all("kind: A\nmetadata: {name: one}\n---\n---\nkind: B\n").unwrap();
        let names: Vec<_> = objects.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["A/one", "B/"]);
    }
}
