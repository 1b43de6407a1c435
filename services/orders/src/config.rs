//! The configuration of the orders service.

use std::time::Duration;

use base::Origin;
use base::config::Environment;
use messaging::BrokerConfig;
use mongo::MongoConfig;
use web::session::SessionConfig;

use crate::NAME;

const DEFAULT_EXPIRATION_SECONDS: u64 = 900;
const MAX_EXPIRATION_SECONDS: u64 = 24 * 60 * 60;

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
    /// `ORDER_EXPIRATION_SECONDS` (default 900): how long a new order can be paid.
    pub expiration: Duration,
}

impl Config {
    /// Reads the variables; `environment` collects every fault.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let mongo = MongoConfig::read(environment);
        let broker = BrokerConfig::read(environment, NAME);
        let session = SessionConfig::read(environment);
        let origin = Origin::read(environment);
        let expiration = read_expiration(environment);
        Some(Self {
            mongo: mongo?,
            broker: broker?,
            session: session?,
            origin,
            expiration: expiration?,
        })
    }
}

fn read_expiration(environment: &mut Environment) -> Option<Duration> {
    let name = "ORDER_EXPIRATION_SECONDS";
    let seconds = environment.with_default(name, DEFAULT_EXPIRATION_SECONDS)?;
    if (1..=MAX_EXPIRATION_SECONDS).contains(&seconds) {
        Some(Duration::from_secs(seconds))
    } else {
        environment.fault(name, format_args!("must be 1 to {MAX_EXPIRATION_SECONDS}"))
    }
}
