//! What the client needs to know.

use std::path::PathBuf;
use std::time::Duration;

use service::Origin;
use service::config::Environment;

use crate::api::ApiOrigin;

/// The client's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `API_ORIGIN`: where this server reaches the API.
    pub(crate) api: ApiOrigin,
    /// `PUBLIC_ORIGIN`: where browsers reach the shop.
    pub origin: Origin,
    /// How cards are taken.
    pub stripe: StripeConfig,
    /// `ORDER_EXPIRATION_SECONDS` (default 900): how long a ticket is held for who buys it; said, not enforced here.
    pub hold: Duration,
    /// `SITE_ROOT` (default `site`): the folder of the built static files.
    pub site_root: PathBuf,
}

/// What the browser needs in order to take a card.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// `STRIPE_PUBLISHABLE_KEY`: names our account to Stripe, and may be seen by anybody.
    pub publishable_key: String,
    /// `STRIPE_JS_URL` (default Stripe's own): the script that makes the card form.
    pub script: String,
    /// The origin of that script, which is also that of the form's frame.
    pub origin: Origin,
}

const STRIPE_JS_URL: &str = "https://js.stripe.com/v3/";

impl Config {
    /// Reads the environment; every fault is noted there.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let api = environment.required("API_ORIGIN");
        let origin = environment.required("PUBLIC_ORIGIN");
        let stripe = StripeConfig::read(environment);
        let hold = environment.with_default("ORDER_EXPIRATION_SECONDS", 900);
        let site_root = environment.with_default("SITE_ROOT", PathBuf::from("site"));
        Some(Self {
            api: api?,
            origin: origin?,
            stripe: stripe?,
            hold: Duration::from_secs(hold?),
            site_root: site_root?,
        })
    }
}

impl StripeConfig {
    fn read(environment: &mut Environment) -> Option<Self> {
        let publishable_key: Option<String> = environment.required("STRIPE_PUBLISHABLE_KEY");
        let publishable_key = publishable_key.and_then(|key| {
            if key.starts_with("pk_") {
                return Some(key);
            }
            // A secret key here would be sent to every browser.
            environment.fault("STRIPE_PUBLISHABLE_KEY", "must begin with pk_")
        });
        let script = environment.with_default("STRIPE_JS_URL", STRIPE_JS_URL.to_owned())?;
        let Ok(origin) = Origin::of_url(&script) else {
            return environment.fault("STRIPE_JS_URL", "must be an absolute URL");
        };
        Some(Self {
            publishable_key: publishable_key?,
            script,
            origin,
        })
    }
}
