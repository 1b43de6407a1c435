//! What a service needs to be allowed at the broker: the subjects that this module's code uses, and no others.
//!
//! `JetStream` is spoken to by messages, so permissions on subjects say which streams and consumers somebody may touch.
//! They cannot say what a consumer's filters name: whoever has a user may read the events of the fleet.

use common::Subject;

use super::broker::BrokerConfig;
use base::Definition;
use serde::{Deserialize, Serialize};

/// What replies to a user are addressed to; nobody else may listen there.
pub(super) fn inbox_prefix(user: &str) -> String {
    format!("_INBOX_{user}")
}

/// What a service's user may do at the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Where it publishes.
    pub publish: Vec<String>,
    /// What it subscribes to.
    pub subscribe: Vec<String>,
}

impl Permissions {
    /// What this service needs under this configuration, as a user of the service's name if it names none.
    ///
    /// Services that [read alone](Definition::reads_alone) may touch consumers of any name, since theirs are chosen at
    /// random; the queue groups of others must be denied to them besides.
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
    if definition.keeps_streams {
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
