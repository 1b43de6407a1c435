//! The configuration of Stripe.

use base::config::Environment;
use payments::StripeConfig;

fn read(variables: &[(&str, &str)]) -> Result<StripeConfig, Vec<String>> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut environment = Environment::of(variables.iter().map(owned));
    let config = StripeConfig::read(&mut environment);
    let finished = environment.finish(config);
    finished.map_err(|error| error.faults().to_vec())
}

const SECRETS: [(&str, &str); 2] = [
    ("STRIPE_KEY", "sk_test_1"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_1"),
];

#[test]
fn both_missing_secrets_are_reported_at_once() {
    let faults = read(&[]).unwrap_err();
    assert_eq!(
        faults,
        [
            "STRIPE_KEY: must be set",
            "STRIPE_WEBHOOK_SECRET: must be set"
        ]
    );
}

#[test]
fn the_api_base_is_optional() {
    assert_eq!(read(&SECRETS).unwrap().api_base, None);
    for base in ["http://127.0.0.1:12111", "https://stripe.test/"] {
        let given = [&SECRETS[..], &[("STRIPE_API_BASE", base)]].concat();
        assert_eq!(read(&given).unwrap().api_base.as_deref(), Some(base));
    }
}

#[test]
fn an_unusable_api_base_is_refused() {
    for base in [
        "127.0.0.1:12111",
        "ftp://stripe.test",
        "https://stripe.test/v1",
        "/v1",
    ] {
        let given = [&SECRETS[..], &[("STRIPE_API_BASE", base)]].concat();
        let faults = read(&given).unwrap_err();
        assert!(faults[0].starts_with("STRIPE_API_BASE"), "{faults:?}");
    }
}
