//! What the auth service needs to know.

use base::config::Environment;
use mongo::MongoConfig;
use web::session::SessionConfig;

use crate::client_address::TrustedProxies;
use crate::limits::RateLimitConfig;
use crate::magic_links::MagicLinkConfig;
use crate::mail::MailConfig;
use crate::passwords::PasswordConfig;

/// The service's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its database.
    pub mongo: MongoConfig,
    /// How sessions are issued and read.
    pub session: SessionConfig,
    /// How passwords are hashed.
    pub passwords: PasswordConfig,
    /// How mail is sent.
    pub mail: MailConfig,
    /// What magic links are like.
    pub magic_links: MagicLinkConfig,
    /// How often clients may try.
    pub limits: RateLimitConfig,
    /// How clients are told apart.
    pub proxies: TrustedProxies,
}

impl Config {
    /// Reads the environment; every fault is noted there.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let mongo = MongoConfig::read(environment);
        let session = SessionConfig::read(environment);
        let passwords = PasswordConfig::read(environment);
        let mail = MailConfig::read(environment);
        let magic_links = MagicLinkConfig::read(environment);
        let limits = RateLimitConfig::read(environment);
        let proxies = TrustedProxies::read(environment);
        Some(Self {
            mongo: mongo?,
            session: session?,
            passwords: passwords?,
            mail: mail?,
            magic_links: magic_links?,
            limits: limits?,
            proxies: proxies?,
        })
    }
}
