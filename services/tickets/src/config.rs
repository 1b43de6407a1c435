//! The configuration of the tickets service.

use base::Origin;
use base::config::Environment;
use messaging::BrokerConfig;
use mongo::MongoConfig;
use web::session::SessionConfig;

use crate::NAME;

/// The configuration, read from the environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The service's database.
    pub mongo: MongoConfig,
    /// The broker.
    pub broker: BrokerConfig,
    /// How session cookies are verified.
    pub session: SessionConfig,
    /// `PUBLIC_ORIGIN`: the shop's address in browsers. Forms from other origins are refused.
    pub origin: Option<Origin>,
}

impl Config {
    /// Reads the variables; `environment` collects every fault.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let mongo = MongoConfig::read(environment);
        let broker = BrokerConfig::read(environment, NAME);
        let session = SessionConfig::read(environment);
        let origin = Origin::read(environment);
        Some(Self {
            mongo: mongo?,
            broker: broker?,
            session: session?,
            origin,
        })
    }
}
