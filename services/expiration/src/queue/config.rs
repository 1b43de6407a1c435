//! Where Redis is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base::config::Environment;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ConnectionInfo, IntoConnectionInfo, RedisError};

/// Redis's own default of half a second is less than a scripted step may take on a machine with much to do.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
const CONNECTION_WAIT: Duration = Duration::from_secs(2);

/// Where jobs wait.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `REDIS_HOST`, for instance `expiration-redis-srv`.
    pub address: RedisAddress,
    /// `REDIS_NAMESPACE` (default `expiration`): what the keys begin with, so that several fleets share a server.
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

/// The text is no address of a Redis server.
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
        // The parser's own words could repeat a password.
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
    /// A connection that is made when it is first used, and made again whenever it breaks.
    pub(super) fn connection(&self) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECTION_WAIT))
            .set_response_timeout(Some(ANSWER_WAIT))
            // Whoever needs an answer tries again by itself and wants to know that there is none.
            .set_number_of_retries(1);
        ConnectionManager::new_lazy_with_config(Client::open(self.0.clone())?, config)
    }
}
