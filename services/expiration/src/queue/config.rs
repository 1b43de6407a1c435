//! The configuration of Redis.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base::config::Environment;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ConnectionInfo, IntoConnectionInfo, RedisError};

/// The client's default of half a second is too short for a script on a busy machine.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// The Redis server of the queue.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `REDIS_HOST`, for instance `expiration-redis-srv`.
    pub address: RedisAddress,
    /// `REDIS_NAMESPACE` (default `expiration`): the prefix of all keys, so that several fleets can share a server.
    pub namespace: String,
}

impl RedisConfig {
    /// Reads the `REDIS_…` variables.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let address = environment.required("REDIS_HOST");
        let namespace = environment.with_default("REDIS_NAMESPACE", "expiration".to_owned());
        let namespace = namespace?;
        if namespace.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.:".contains(c)) {
            return environment.fault("REDIS_NAMESPACE", "must be letters, digits, -, _, . and :");
        }
        Some(Self {
            address: address?,
            namespace,
        })
    }
}

/// The address of a Redis server: a host, a host with a port, or a `redis://` URL. The port is 6379 if none is given.
#[derive(Debug, Clone)]
pub struct RedisAddress(ConnectionInfo);

/// The text is not an address of a Redis server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a host, host:port or a redis:// URL")]
pub struct InvalidRedisAddress;

impl FromStr for RedisAddress {
    type Err = InvalidRedisAddress;

    fn from_str(text: &str) -> Result<Self, InvalidRedisAddress> {
        let url = match text.split_once("://") {
            None => format!("redis://{text}"),
            Some(("redis", _)) => text.to_owned(),
            Some(_) => return Err(InvalidRedisAddress),
        };
        // The parser's error message could contain the password.
        let address = url.into_connection_info();
        address.map(Self).map_err(|_| InvalidRedisAddress)
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.addr().fmt(f)
    }
}

impl RedisAddress {
    /// A connection that is opened on first use and reopened whenever it breaks.
    pub(super) fn connection(&self) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECTION_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            // Callers have their own retries and must see failures.
            .set_number_of_retries(1);
        ConnectionManager::new_lazy_with_config(Client::open(self.0.clone())?, config)
    }
}
