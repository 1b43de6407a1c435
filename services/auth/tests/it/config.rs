//! Configuration from the environment.

use auth::Config;
use base::Environment;

fn faults(variables: &[(&str, &str)]) -> Vec<String> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut environment = Environment::of(variables);
    let config = Config::read(&mut environment);
    let outcome = environment.finish(config);
    outcome.map_or_else(|error| error.faults().to_vec(), |_| Vec::new())
}

const GOOD: [(&str, &str); 5] = [
    ("MONGO_URI", "mongodb://127.0.0.1/auth"),
    ("JWT_KEY", "a key that is long enough for HS256"),
    ("SMTP_URL", "smtps://user:p4ssw0rd@mail.example.com"),
    ("MAIL_FROM", "Ticketing <no-reply@ticketing.dev>"),
    ("PUBLIC_ORIGIN", "https://ticketing.dev"),
];

#[test]
fn five_variables_are_required() {
    assert_eq!(faults(&GOOD), [] as [&str; 0]);
}

#[test]
fn all_missing_variables_are_reported_at_once() {
    let faults = faults(&[]);
    assert_eq!(faults.len(), GOOD.len());
    for (name, _) in GOOD {
        assert!(
            faults.contains(&format!("{name}: must be set")),
            "{faults:?}"
        );
    }
}

#[test]
fn all_invalid_variables_are_reported_at_once_without_secrets() {
    let wrong = [
        ("MONGO_URI", "postgres://user:p4ssw0rd@db"),
        ("JWT_KEY", "p4ssw0rd"),
        ("COOKIE_SECURE", "perhaps"),
        ("SMTP_URL", "http://user:p4ssw0rd@mail.example.com"),
        ("MAIL_FROM", "nobody"),
        ("PUBLIC_ORIGIN", "ticketing.dev/shop"),
        ("MAGIC_LINK_SECONDS", "0"),
        ("PASSWORD_HASHES_AT_ONCE", "0"),
        ("PASSWORD_QUEUE", "-1"),
        ("TRUSTED_PROXIES", "256"),
        ("RATE_LIMITS", "none"),
        ("SIGN_IN_FAILURES_PER_ACCOUNT", "10"),
        ("SIGN_IN_FAILURES_PER_ADDRESS", "0/1m"),
        ("SIGN_UPS_PER_ADDRESS", "10/0s"),
        ("MAGIC_LINKS_PER_ADDRESS", "10/1d"),
        ("MAGIC_LINKS_PER_RECIPIENT", "many"),
    ];
    let faults = faults(&wrong);
    assert_eq!(faults.len(), wrong.len(), "{faults:#?}");
    for (name, _) in wrong {
        let named = faults
            .iter()
            .any(|fault| fault.starts_with(&format!("{name}: ")));
        assert!(named, "{name}: {faults:#?}");
    }
    assert!(!faults.join(" ").contains("p4ssw0rd"), "{faults:#?}");
}
