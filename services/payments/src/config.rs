//! What the payments service needs to know.

use base::Origin;
use base::config::Environment;
use messaging::BrokerConfig;
use mongo::MongoConfig;
use web::session::SessionConfig;

use crate::NAME;
use crate::stripe::StripeConfig;

/// The service's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its database.
    pub mongo: MongoConfig,
    /// The broker.
    pub broker: BrokerConfig,
    /// How sessions are read.
    pub session: SessionConfig,
    /// `PUBLIC_ORIGIN`: where browsers reach the shop, whose forms are accepted.
    pub origin: Option<Origin>,
    /// Where cards are charged.
    pub stripe: StripeConfig,
}

impl Config {
    /// Reads the environment; every fault is noted there.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let mongo = MongoConfig::read(environment);
        let broker = BrokerConfig::read(environment, NAME);
        let session = SessionConfig::read(environment);
        let origin = Origin::read(environment);
        let stripe = StripeConfig::read(environment);
        Some(Self {
            mongo: mongo?,
            broker: broker?,
            session: session?,
            origin,
            stripe: stripe?,
        })
    }
}
