//! A faulty configuration is refused, with all its faults.

use base::config::{Environment, ListenConfig};
use messaging::BrokerConfig;
use mongo::MongoConfig;
use web::session::SessionConfig;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Environment::of(variables.iter().map(owned))
}

#[test]
fn every_fault_is_reported_at_once() {
    let mut environment = environment(&[
        ("PORT", "many"),
        ("MONGO_URI", "http://example.com"),
        ("JWT_KEY", "short"),
        ("COOKIE_SECURE", "perhaps"),
        ("NATS_STREAM_REPLICAS", "9"),
    ]);
    let listen = ListenConfig::read(&mut environment);
    let mongo = MongoConfig::read(&mut environment);
    let session = SessionConfig::read(&mut environment);
    let broker = BrokerConfig::read(&mut environment, "test");
    assert!(listen.is_none() && mongo.is_none() && session.is_none() && broker.is_none());
    let error = environment.finish(None::<()>).unwrap_err();
    for name in [
        "PORT",
        "MONGO_URI",
        "JWT_KEY",
        "COOKIE_SECURE",
        "NATS_URL",
        "NATS_STREAM_REPLICAS",
    ] {
        let named = error.faults().iter().any(|fault| fault.starts_with(name));
        assert!(named, "{name} is missing from: {error}");
    }
}

#[test]
fn no_message_contains_a_secret() {
    let mut environment = environment(&[("JWT_KEY", "hunter2")]);
    assert!(SessionConfig::read(&mut environment).is_none());
    let error = environment.finish(None::<()>).unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let mut environment = environment(&[("PORT", " ")]);
    let listen = ListenConfig::read(&mut environment).unwrap();
    assert_eq!((listen.api.port(), listen.admin.port()), (3_000, 9_000));
}

#[test]
fn the_two_ports_must_differ() {
    let mut environment = environment(&[("PORT", "3000"), ("ADMIN_PORT", "3000")]);
    assert!(ListenConfig::read(&mut environment).is_none());
}
