//! The content security policy: what a page may load and run.

use std::fmt;

use axum::http::HeaderValue;
use base::Origin;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Browsers report violations of the policy to this path.
pub(crate) const REPORTS: &str = "/csp-reports";

/// A random value that allows one page's inline script.
#[derive(Debug)]
pub(crate) struct Nonce(String);

impl Nonce {
    /// Generates 128 random bits.
    pub(crate) fn fresh() -> Self {
        Self(BASE64_STANDARD.encode(rand::random::<[u8; 16]>()))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The policy of all pages. It allows only our own resources, and Stripe's on pages with the card form.
#[derive(Debug)]
pub(crate) struct ContentSecurity {
    stripe: StripeSources,
}

/// The sources of the card form (<https://docs.stripe.com/security/guide#content-security-policy>).
#[derive(Debug)]
struct StripeSources {
    script: String,
    frame: String,
    connect: String,
}

impl ContentSecurity {
    pub(crate) fn new(stripe: &Origin) -> Self {
        let stripe = stripe.to_string();
        let stripe = if stripe == "https://js.stripe.com" {
            StripeSources {
                script: format!("{stripe} https://*.js.stripe.com"),
                frame: format!("{stripe} https://*.js.stripe.com https://hooks.stripe.com"),
                connect: "https://api.stripe.com".to_owned(),
            }
        } else {
            StripeSources {
                script: stripe.clone(),
                frame: stripe.clone(),
                connect: stripe,
            }
        };
        Self { stripe }
    }

    pub(crate) fn policy(&self, nonce: &Nonce, card_form: bool) -> HeaderValue {
        let stripe = card_form.then_some(&self.stripe);
        let script = stripe.map_or("", |stripe| &stripe.script);
        let connect = stripe.map_or("", |stripe| &stripe.connect);
        let frame = stripe.map_or("'none'", |stripe| &stripe.frame);
        let policy = format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval' {script}; style-src 'self'; \
             img-src 'self' data:; connect-src 'self' {connect}; frame-src {frame}; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'; report-uri {REPORTS}"
        );
        HeaderValue::try_from(policy).expect("an origin and base64 are visible ASCII")
    }
}
