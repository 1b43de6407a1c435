//! The settings of a stand-in.

use serde::{Deserialize, Serialize};

/// The version of Stripe's API that the stand-in implements.
pub(crate) const API_VERSION: &str = "2026-09-30.endive";

/// API keys and the webhook.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The key that `Authorization: Bearer …` must carry.
    pub secret_key: String,
    /// The key with which browsers create tokens.
    pub publishable_key: String,
    /// The receiver of events, if there is one.
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

/// An endpoint that receives events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The URL that events are posted to.
    pub url: String,
    /// The secret that signs them.
    pub secret: String,
}
