//! The payments service's configuration.

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
    /// The database.
    pub mongo: MongoConfig,
    /// The broker.
    pub broker: BrokerConfig,
    /// How sessions are verified.
    pub session: SessionConfig,
    /// `PUBLIC_ORIGIN`: the shop's origin, whose forms are accepted.
    pub origin: Option<Origin>,
    /// The Stripe account that charges cards.
    pub stripe: StripeConfig,
}

impl Config {
    /// Reads the environment, which collects every fault.
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
