//! The input of the rules and their findings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use service::description::Description;

use super::object::{Container, Object, Pod};

/// The rendered objects of one overlay.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// Whether it is for production, with several replicas.
    pub(crate) is_production: bool,
    /// Whether it is applied unchanged and so must name the registry of our images.
    pub(crate) is_final: bool,
    pub(crate) objects: Vec<Object>,
}

/// What the rules know besides the manifests.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The services' own descriptions.
    pub(crate) services: Vec<Description>,
    /// The Secrets that `docs/deployment.md` creates, with their keys.
    pub(crate) secrets: BTreeMap<String, BTreeSet<String>>,
    /// The images that Skaffold builds, if known.
    pub(crate) images: Option<BTreeSet<String>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Inspection<'a> {
    pub(crate) overlay: &'a Overlay,
    pub(crate) known: &'a Known,
}

/// A fault and its remedy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The object, for example `Deployment/tickets-depl`.
    pub(crate) place: String,
    pub(crate) wrong: String,
    pub(crate) remedy: String,
}

impl Finding {
    pub(crate) fn new(
        place: impl fmt::Display,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            place: place.to_string(),
            wrong: wrong.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.wrong, self.remedy)
    }
}

/// One of our services as it is deployed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deployed<'a> {
    pub(crate) service: &'a Description,
    pub(crate) pod: Pod<'a>,
    pub(crate) container: Container<'a>,
}

impl<'a> Inspection<'a> {
    pub(crate) fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &'a Object> + use<'a> {
        let objects = self.overlay.objects.iter();
        objects.filter(move |object| object.is(kind))
    }

    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<&'a Object> {
        let mut objects = self.overlay.objects.iter();
        objects.find(|object| object.is(kind) && object.name() == name)
    }

    pub(crate) fn pods(&self) -> impl Iterator<Item = Pod<'a>> + use<'a> {
        self.overlay.objects.iter().filter_map(Object::pod)
    }

    /// Our services in this overlay. The name of the image identifies them.
    pub(crate) fn deployed(&self) -> impl Iterator<Item = Deployed<'a>> + use<'a> {
        let services = &self.known.services;
        self.pods().flat_map(move |pod| {
            pod.containers().filter_map(move |container| {
                let stem = container.image_stem();
                let service = services.iter().find(|service| service.name == stem)?;
                Some(Deployed {
                    service,
                    pod,
                    container,
                })
            })
        })
    }
}

impl Deployed<'_> {
    /// The number of the service's port. The environment can change the default.
    pub(crate) fn port(&self, name: &str) -> Option<u64> {
        let port = self.service.ports.iter().find(|port| port.name == name)?;
        let set = self.container.environment().iter();
        let set = set.filter(|variable| variable["name"] == port.variable.as_str());
        set.filter_map(|variable| variable["value"].as_str()?.parse().ok())
            .next_back()
            .or_else(|| Some(u64::from(port.default)))
    }
}
