//! The configuration of the shop.

use std::path::PathBuf;
use std::time::Duration;

use base::Origin;
use base::config::Environment;

use crate::api::ApiOrigin;

/// The client's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `API_ORIGIN`: where the server reaches the API.
    pub(crate) api: ApiOrigin,
    /// `PUBLIC_ORIGIN`: where browsers reach the shop.
    pub origin: Origin,
    /// The card form.
    pub stripe: StripeConfig,
    /// `ORDER_EXPIRATION_SECONDS` (default 900): how long a ticket is reserved for its buyer. Pages only display it.
    pub hold: Duration,
    /// `SITE_ROOT` (default `site`): the folder of the built static files.
    pub site_root: PathBuf,
}

/// What the browser needs for the card form.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// `STRIPE_PUBLISHABLE_KEY`: identifies our account to Stripe. It is public.
    pub publishable_key: String,
    /// `STRIPE_JS_URL` (default: Stripe's own): the script that shows the card form.
    pub script: String,
    /// The origin of that script and of the form's frame.
    pub origin: Origin,
}

const STRIPE_JS_URL: &str = "https://js.stripe.com/v3/";

impl Config {
    /// Reads the environment, which records every fault.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let api = environment.required("API_ORIGIN");
        let origin = environment.required("PUBLIC_ORIGIN");
        let stripe = StripeConfig::read(environment);
        let hold = environment.with_default("ORDER_EXPIRATION_SECONDS", 900);
        let site_root = environment.with_default("SITE_ROOT", "site".to_owned());
        Some(Self {
            api: api?,
            origin: origin?,
            stripe: stripe?,
            hold: Duration::from_secs(hold?),
            site_root: site_root?.into(),
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
            // A secret key would be sent to every browser.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut environment = Environment::of(variables.iter().map(owned));
        let config = Config::read(&mut environment);
        let finished = environment.finish(config);
        finished.map_err(|error| error.faults().to_vec())
    }

    const REQUIRED: [(&str, &str); 3] = [
        ("API_ORIGIN", "http://{service}-srv:3000"),
        ("PUBLIC_ORIGIN", "https://ticketing.dev"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_1"),
    ];

    #[test]
    fn the_defaults_are_those_of_production() {
        let config = read(&REQUIRED).unwrap();
        assert_eq!(config.stripe.script, "https://js.stripe.com/v3/");
        assert_eq!(config.stripe.origin.to_string(), "https://js.stripe.com");
        assert_eq!(config.hold, Duration::from_mins(15));
    }

    #[test]
    fn all_faults_are_reported_and_a_secret_key_is_refused() {
        let faults = read(&[
            ("API_ORIGIN", "tickets"),
            ("STRIPE_PUBLISHABLE_KEY", "sk_live_1"),
            ("STRIPE_JS_URL", "/v3/"),
        ]);
        let faults = faults.unwrap_err();
        let named: Vec<_> = faults
            .iter()
            .filter_map(|fault| fault.split(':').next())
            .collect();
        let expected = [
            "API_ORIGIN",
            "PUBLIC_ORIGIN",
            "STRIPE_PUBLISHABLE_KEY",
            "STRIPE_JS_URL",
        ];
        assert_eq!(named, expected);
        assert!(!faults.concat().contains("sk_live_1"));
    }
}
