//! The permissions that a service needs at the broker: the subjects that this crate uses, and no others.
//!
//! `JetStream`'s API consists of messages, so permissions on subjects decide which streams and consumers a user may
//! touch. They cannot restrict a consumer's filters: every user may read all events of the fleet.

use base::Definition;
use common::Subject;

use super::broker::BrokerConfig;
use serde::{Deserialize, Serialize};

/// The prefix of the subjects for replies to a user. No other user may subscribe to it.
pub(super) fn inbox_prefix(user: &str) -> String {
    format!("_INBOX_{user}")
}

/// The permissions of a service's user at the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// The subjects that it may publish to.
    pub publish: Vec<String>,
    /// The subjects that it may subscribe to.
    pub subscribe: Vec<String>,
}

impl Permissions {
    /// What this service needs under this configuration. Without credentials, the user has the service's name.
    ///
    /// Services with [consumers of their own](Definition::reads_alone) may touch consumers of any name, because the
    /// names of theirs are random. The queue groups of other services must be denied to them in addition.
    #[must_use]
    pub fn needed(definition: &Definition, config: &BrokerConfig) -> Self {
        let user = config.credentials.as_ref();
        let user = user.map_or(definition.name, |credentials| credentials.user.as_str());
        let prefix = &config.subject_prefix;
        let of_subjects = |subjects: &[Subject]| -> Vec<String> {
            subjects
                .iter()
                .map(|subject| format!("{prefix}{subject}"))
                .collect()
        };
        let mut publish = of_subjects(definition.publishes);
        publish.extend(on_streams(definition, config));
        publish.extend(on_consumers(definition, config));
        Self {
            publish,
            subscribe: vec![format!("{}.>", inbox_prefix(user))],
        }
    }
}

fn on_streams(definition: &Definition, config: &BrokerConfig) -> Vec<String> {
    let events = config.stream.as_str();
    let dead_letters = config.dead_letter_stream();
    let mut operations = vec!["INFO", "CREATE"];
    if definition.updates_streams {
        operations.push("UPDATE");
    }
    let mut subjects = Vec::new();
    for operation in operations {
        for stream in [events, &dead_letters] {
            subjects.push(format!("$JS.API.STREAM.{operation}.{stream}"));
        }
    }
    if definition.resyncs {
        subjects.push(format!("$JS.API.STREAM.MSG.GET.{events}"));
    }
    subjects
}

fn on_consumers(definition: &Definition, config: &BrokerConfig) -> Vec<String> {
    let stream = &config.stream;
    let mut subjects = Vec::new();
    if let Some(group) = definition.queue_group {
        let name = group.name;
        subjects.push(format!("{}dead-letter.{name}.>", config.subject_prefix));
        subjects.push(format!("$JS.API.CONSUMER.INFO.{stream}.{name}"));
        subjects.push(format!("$JS.API.CONSUMER.CREATE.{stream}.{name}"));
        subjects.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"));
        subjects.push(format!("$JS.ACK.{stream}.{name}.>"));
    }
    if definition.reads_alone() {
        for operation in ["CREATE", "MSG.NEXT", "DELETE"] {
            subjects.push(format!("$JS.API.CONSUMER.{operation}.{stream}.*"));
        }
    }
    if !definition.feed.is_empty() {
        subjects.push(format!("$JS.API.CONSUMER.INFO.{stream}.*"));
    }
    subjects
}
