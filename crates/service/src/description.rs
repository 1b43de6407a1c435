//! What a service is, for those who deploy it: `--describe`.
//!
//! Taken from the code at work: the variables are those that the configuration was seen to read, the rest is the
//! [`Definition`] that the service is put together from.

use serde::{Deserialize, Serialize};

use crate::admin;
use crate::lifecycle::STOP_LIMIT;
use base::Definition;
use base::build_info::BUILD_INFO;
use base::config::{Environment, ListenConfig, Variable};
use messaging::BrokerConfig;
use messaging::Permissions;

/// A service as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit that it was built from.
    pub commit: String,
    /// Every environment variable that it reads.
    pub variables: Vec<Variable>,
    /// Where it listens.
    pub ports: Vec<Port>,
    /// The paths of its admin port.
    pub admin_paths: Vec<String>,
    /// The paths of its API, each with all below it.
    pub paths: Vec<String>,
    /// Where that API is described.
    pub description_path: String,
    /// The longest that it takes to stop.
    pub stop_seconds: u64,
    /// What it does at the broker, if it uses it.
    pub broker: Option<BrokerUse>,
}

/// A port that a service listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// What it is for: `api` or `admin`.
    pub name: String,
    /// The variable that sets it.
    pub variable: String,
    /// Its number where the variable is not set.
    pub default: u16,
}

/// What a service does at the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerUse {
    /// The events that it tells.
    pub publishes: Vec<String>,
    /// The name of its queue group, which is that of its durable consumer.
    pub queue_group: Option<String>,
    /// The events that the queue group acts on.
    pub consumes: Vec<String>,
    /// The events that each process reads for itself, now or in its history.
    pub watches: Vec<String>,
    /// The stream of events.
    pub stream: String,
    /// The stream of what could not be handled.
    pub dead_letter_stream: String,
    /// What its user needs to be allowed.
    pub permissions: Permissions,
}

impl Description {
    /// The service of this definition that reads its configuration so.
    #[must_use]
    pub fn of<C>(
        definition: &Definition,
        read: impl FnOnce(&mut Environment) -> Option<C>,
    ) -> Self {
        // Nothing is set, so every variable that can be read is asked for.
        let mut environment = Environment::of([]);
        let _ = read(&mut environment);
        let variables = environment.variables();
        Self {
            name: definition.name.to_owned(),
            version: BUILD_INFO.version.to_owned(),
            commit: BUILD_INFO.commit.to_owned(),
            variables,
            ports: ports(),
            admin_paths: admin_paths(definition),
            paths: definition.paths.iter().map(ToString::to_string).collect(),
            description_path: definition.description_path(),
            stop_seconds: STOP_LIMIT.as_secs(),
            broker: definition
                .uses_broker()
                .then(|| BrokerUse::of(definition, &usual_broker(definition.name))),
        }
    }
}

fn admin_paths(definition: &Definition) -> Vec<String> {
    let own = definition.admin_paths.iter().map(ToString::to_string);
    admin::paths(definition.resyncs)
        .into_iter()
        .chain(own)
        .collect()
}

/// How the broker is used where nothing else is said than where it is.
fn usual_broker(service: &str) -> BrokerConfig {
    let address = ("NATS_URL".to_owned(), "nats://nats-srv:4222".to_owned());
    let config = BrokerConfig::read(&mut Environment::of([address]), service);
    config.expect("the defaults are good")
}

fn ports() -> Vec<Port> {
    let port = |name: &str, variable: &str, default| Port {
        name: name.to_owned(),
        variable: variable.to_owned(),
        default,
    };
    vec![
        port("api", ListenConfig::API.0, ListenConfig::API.1),
        port("admin", ListenConfig::ADMIN.0, ListenConfig::ADMIN.1),
    ]
}

impl BrokerUse {
    fn of(definition: &Definition, config: &BrokerConfig) -> Self {
        let names = |subjects: &[common::Subject]| -> Vec<String> {
            subjects.iter().map(ToString::to_string).collect()
        };
        let mut watches = names(definition.feed);
        watches.extend(names(definition.history));
        let group = definition.queue_group;
        Self {
            publishes: names(definition.publishes),
            queue_group: group.map(|group| group.name.to_owned()),
            consumes: group.map(|group| names(group.subjects)).unwrap_or_default(),
            watches,
            stream: config.stream.clone(),
            dead_letter_stream: config.dead_letter_stream(),
            permissions: Permissions::needed(definition, config),
        }
    }
}
