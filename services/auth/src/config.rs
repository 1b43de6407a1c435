//! The configuration of the auth service.

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
    /// The database.
    pub mongo: MongoConfig,
    /// Session cookies.
    pub session: SessionConfig,
    /// Password hashing.
    pub passwords: PasswordConfig,
    /// Outgoing mail.
    pub mail: MailConfig,
    /// Magic links.
    pub magic_links: MagicLinkConfig,
    /// Rate limits.
    pub limits: RateLimitConfig,
    /// How client addresses are determined.
    pub proxies: TrustedProxies,
}

impl Config {
    /// Reads the environment, which records every fault.
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
