//! The output of `--describe`: what a deployment must know about a service.
//!
//! The variables are recorded while the configuration is read; everything else comes from the [`Definition`].

use base::Definition;
use base::build_info::BUILD_INFO;
use base::config::{Environment, ListenConfig, Variable};
use messaging::{BrokerConfig, Permissions};
use serde::{Deserialize, Serialize};

use crate::admin;
use crate::lifecycle::STOP_LIMIT;

/// The description of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit that it was built from.
    pub commit: String,
    /// The environment variables that it reads.
    pub variables: Vec<Variable>,
    /// The ports on which it listens.
    pub ports: Vec<Port>,
    /// The paths of its admin port.
    pub admin_paths: Vec<String>,
    /// The paths of its API, including all paths below them.
    pub paths: Vec<String>,
    /// The path of its OpenAPI document.
    pub description_path: String,
    /// The time limit of its shutdown.
    pub stop_seconds: u64,
    /// Its use of the broker, if any.
    pub broker: Option<BrokerUse>,
}

/// A port that a service listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its purpose: `api` or `admin`.
    pub name: String,
    /// The variable that sets it.
    pub variable: String,
    /// The default port number.
    pub default: u16,
}

/// How a service uses the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerUse {
    /// The events that it publishes.
    pub publishes: Vec<String>,
    /// The name of its queue group and of its durable consumer.
    pub queue_group: Option<String>,
    /// The events that the queue group consumes.
    pub consumes: Vec<String>,
    /// The events that each process reads outside of the queue group: its feed and its history.
    pub watches: Vec<String>,
    /// The stream of events.
    pub stream: String,
    /// The stream of dead letters.
    pub dead_letter_stream: String,
    /// The permissions that its user needs.
    pub permissions: Permissions,
}

impl Description {
    /// Describes the service with this definition, whose configuration `read` reads.
    #[must_use]
    pub fn of<C>(
        definition: &Definition,
        read: impl FnOnce(&mut Environment) -> Option<C>,
    ) -> Self {
        // With an empty environment, `read` still reads every variable.
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
                .then(|| BrokerUse::of(definition, &default_broker(definition.name))),
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

/// The broker's default configuration.
fn default_broker(service: &str) -> BrokerConfig {
    let address = ("NATS_URL".to_owned(), "nats://nats-srv:4222".to_owned());
    let config = BrokerConfig::read(&mut Environment::of([address]), service);
    config.expect("the defaults are valid")
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
