//! What a stand-in is told at its start.

use serde::{Deserialize, Serialize};

/// Keys, and where events are sent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What `Authorization: Bearer …` must carry.
    pub secret_key: String,
    /// What a browser may make tokens with.
    pub publishable_key: String,
    /// Where events are sent; nowhere if `None`.
    pub webhook: Option<Webhook>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secret_key: "sk_test_stand_in".to_owned(),
            publishable_key: "pk_test_stand_in".to_owned(),
            webhook: None,
        }
    }
}

/// An endpoint that is told of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where events are posted to.
    pub url: String,
    /// What they are signed with.
    pub secret: String,
}
