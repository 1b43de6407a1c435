//! The configuration of the expiration service.

use base::Origin;
use base::config::Environment;
use messaging::BrokerConfig;

use crate::NAME;
use crate::queue::RedisConfig;

/// The service's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The broker.
    pub broker: BrokerConfig,
    /// The server of the job queue.
    pub redis: RedisConfig,
    /// `PUBLIC_ORIGIN`: where browsers reach the shop.
    pub origin: Option<Origin>,
}

impl Config {
    /// Reads the environment, which records every fault.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let broker = BrokerConfig::read(environment, NAME);
        let redis = RedisConfig::read(environment);
        let origin = Origin::read(environment);
        Some(Self {
            broker: broker?,
            redis: redis?,
            origin,
        })
    }
}
