//! The address of Stripe and the secrets of the account.

use axum::http::Uri;
use base::config::Environment;
use secrecy::SecretString;

/// How to reach Stripe.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// `STRIPE_KEY`: the secret key of the account.
    pub key: SecretString,
    /// `STRIPE_API_BASE`: the address of the stand-in, in place of Stripe's own.
    pub api_base: Option<String>,
    /// `STRIPE_WEBHOOK_SECRET`: the secret that signs webhooks.
    pub webhook_secret: SecretString,
}

impl StripeConfig {
    /// Reads `STRIPE_KEY`, `STRIPE_API_BASE` and `STRIPE_WEBHOOK_SECRET`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let key = environment.secret("STRIPE_KEY", 1);
        let api_base = environment.with_default("STRIPE_API_BASE", String::new());
        let webhook_secret = environment.secret("STRIPE_WEBHOOK_SECRET", 1);
        let api_base = api_base?;
        if !(api_base.is_empty() || is_origin(&api_base)) {
            return environment.fault(
                "STRIPE_API_BASE",
                "must be http:// or https:// with a host and nothing more",
            );
        }
        Some(Self {
            key: key?,
            api_base: Some(api_base).filter(|base| !base.is_empty()),
            webhook_secret: webhook_secret?,
        })
    }
}

/// Whether the text names a server without a path: the client appends its own path.
fn is_origin(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.path_and_query().is_none_or(|path| path == "/")
    })
}
