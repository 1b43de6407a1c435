//! Objects of the Kubernetes API as they are applied, and what rules ask of them.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// Labels by their names.
pub(crate) type Labels<'a> = BTreeMap<&'a str, &'a str>;

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct Object(Value);

/// The pods that an object makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pod<'a> {
    /// Whose pods they are.
    pub(crate) owner: &'a Object,
    template: &'a Value,
}

/// One container of a pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container<'a> {
    /// What the manifest says of it.
    pub(crate) value: &'a Value,
    /// Whether it runs before the others.
    pub(crate) is_init: bool,
}

/// Every object in a text of YAML documents.
pub(crate) fn read_all(text: &str) -> Result<Vec<Object>> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).context("not YAML"))
        .filter(|value| !matches!(value, Ok(Value::Null)))
        .map(|value| value.map(Object))
        .collect()
}

/// What is at the path of field names, or null.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, name| &value[*name])
}

/// The items of a list, none if it is not there.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a field, empty if it is not there.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The fields of a map whose values are texts.
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

    /// How many pods it makes, as far as it says so itself.
    pub(crate) fn replicas(&self) -> u64 {
        self.at(&["spec", "replicas"]).as_u64().unwrap_or(1)
    }

    /// The pods that it makes, if it is of a kind that does.
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

    /// The number of the container port that a name or a number means, for traffic that comes to the pod.
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

    /// The image's name without its registry's path and its tag, as `tickets` of `ticketing/tickets:1.0`.
    pub(crate) fn image_stem(&self) -> &'a str {
        let image = image_name(text(self.value, "image"));
        image.rsplit('/').next().unwrap_or(image)
    }

    pub(crate) fn environment(&self) -> &'a [Value] {
        items(&self.value["env"])
    }

    /// The number of its port of this name.
    pub(crate) fn port(&self, name: &str) -> Option<u64> {
        let port = items(&self.value["ports"])
            .iter()
            .find(|port| text(port, "name") == name)?;
        port["containerPort"].as_u64()
    }
}

/// An image without its tag and digest.
pub(crate) fn image_name(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // A colon before a slash is that of a registry's port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_name_and_perhaps_a_tag_and_a_digest() {
        assert_eq!(image_name("nats:2.15"), "nats");
        assert_eq!(image_name("localhost:5000/nats"), "localhost:5000/nats");
        assert_eq!(image_name("a/nats:2@sha256:00"), "a/nats");
    }

    #[test]
    fn documents_are_read_one_by_one() {
        let objects = read_all("kind: A\nmetadata: {name: one}\n---\n---\nkind: B\n").unwrap();
        let names: Vec<_> = objects.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["A/one", "B/"]);
    }
}
