//! Configuration from the environment.

use base::Environment;
use expiration::Config;
use expiration::queue::RedisAddress;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter();
    Environment::of(variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn a_redis_server_is_a_host_with_or_without_a_port_or_a_url() {
    for (text, meant) in [
        ("expiration-redis-srv", "expiration-redis-srv:6379"),
        ("127.0.0.1:6380", "127.0.0.1:6380"),
        ("redis://user:secret@redis.test", "redis.test:6379"),
        ("redis://redis.test:1234/3", "redis.test:1234"),
    ] {
        let address: RedisAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), meant);
        assert!(!format!("{address:?}").contains("secret"));
    }
    for text in ["https://redis.test", "redis://", "redis.test:port"] {
        assert!(text.parse::<RedisAddress>().is_err(), "{text}");
    }
}

#[test]
fn all_faults_are_reported_at_once() {
    let mut environment = environment(&[
        ("REDIS_HOST", "ftp://redis.test"),
        ("REDIS_NAMESPACE", "{expiration}"),
    ]);
    let config = Config::read(&mut environment);
    let error = environment.finish(config).unwrap_err();
    let faults = error.faults().join("\n");
    for variable in ["NATS_URL", "REDIS_HOST", "REDIS_NAMESPACE"] {
        assert!(faults.contains(variable), "{faults}");
    }
}
