//! The rate limits of this service.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use base::Clock;
use base::config::Environment;
use common::Email;
use telemetry::metrics::Metrics;

use crate::client_address::ClientAddress;
use crate::metrics::RATE_LIMITED_REQUESTS;
use crate::rate_limit::{Limit, RateLimiter, Token, TooManyAttempts};

/// The rate limits. `RATE_LIMITS` selects a preset (`production`, the default, or `wide`); each limit has a variable of
/// its own that overrides the preset, in the form `10/15m`: attempts per time.
#[derive(Debug, Clone)]
pub struct RateLimitConfig {
    /// `SIGN_IN_FAILURES_PER_ACCOUNT` (10/15m): wrong passwords for one address, whether it has an account or not.
    pub sign_in_failures_per_account: Limit,
    /// `SIGN_IN_FAILURES_PER_ADDRESS` (100/15m): wrong passwords from one network address.
    pub sign_in_failures_per_address: Limit,
    /// `SIGN_UPS_PER_ADDRESS` (20/1h): sign-ups from one network address, successful or not.
    pub sign_ups_per_address: Limit,
    /// `MAGIC_LINKS_PER_ADDRESS` (20/1h): links requested from one network address.
    pub magic_links_per_address: Limit,
    /// `MAGIC_LINKS_PER_RECIPIENT` (5/15m): links sent to one address.
    pub magic_links_per_recipient: Limit,
}

/// The defaults of all limits.
#[derive(Debug, Clone, Copy)]
enum Preset {
    /// For the public internet.
    Production,
    /// For tests, load tests and developers' machines, where all clients share one network address.
    Wide,
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Production => "production",
            Self::Wide => "wide",
        })
    }
}

impl FromStr for Preset {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "production" => Ok(Self::Production),
            "wide" => Ok(Self::Wide),
            _ => Err("must be production or wide"),
        }
    }
}

impl Preset {
    /// This preset's limit, given the one of [`Preset::Production`].
    fn limit(self, attempts: u32, refilled_in: Duration) -> Limit {
        let (attempts, refilled_in) = match self {
            Self::Production => (attempts, refilled_in),
            Self::Wide => (100_000, Duration::from_mins(1)),
        };
        let attempts = NonZeroU32::new(attempts).expect("a preset allows at least one attempt");
        Limit::new(attempts, refilled_in)
    }
}

impl RateLimitConfig {
    /// Reads `RATE_LIMITS` and the variables of the single limits.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let preset = environment.with_default("RATE_LIMITS", Preset::Production);
        // An invalid preset is already recorded as a fault. Reading goes on to find the faults of the limits too.
        let preset = preset.unwrap_or(Preset::Production);
        let mut limit = |name, attempts, minutes| {
            let default = preset.limit(attempts, Duration::from_mins(minutes));
            environment.with_default(name, default)
        };
        let sign_in_failures_per_account = limit("SIGN_IN_FAILURES_PER_ACCOUNT", 10, 15);
        let sign_in_failures_per_address = limit("SIGN_IN_FAILURES_PER_ADDRESS", 100, 15);
        let sign_ups_per_address = limit("SIGN_UPS_PER_ADDRESS", 20, 60);
        let magic_links_per_address = limit("MAGIC_LINKS_PER_ADDRESS", 20, 60);
        let magic_links_per_recipient = limit("MAGIC_LINKS_PER_RECIPIENT", 5, 15);
        Some(Self {
            sign_in_failures_per_account: sign_in_failures_per_account?,
            sign_in_failures_per_address: sign_in_failures_per_address?,
            sign_ups_per_address: sign_ups_per_address?,
            magic_links_per_address: magic_links_per_address?,
            magic_links_per_recipient: magic_links_per_recipient?,
        })
    }
}

/// The limiters, one per limit.
#[derive(Debug, Clone)]
pub(crate) struct RateLimits {
    sign_in_failures_per_account: RateLimiter,
    sign_in_failures_per_address: RateLimiter,
    sign_ups_per_address: RateLimiter,
    magic_links_per_address: RateLimiter,
    magic_links_per_recipient: RateLimiter,
}

/// A sign-in, which counts as a failure unless it is refunded.
#[derive(Debug)]
#[must_use]
pub(crate) struct SignInAttempt([Token; 2]);

impl SignInAttempt {
    /// The credentials were not wrong, so the attempt does not count.
    pub(crate) fn refund(self) {
        self.0.into_iter().for_each(Token::refund);
    }
}

impl RateLimits {
    pub(crate) fn new(config: &RateLimitConfig, clock: &Clock, metrics: &Metrics) -> Self {
        let refused = metrics.counters(&RATE_LIMITED_REQUESTS);
        let limiter = |limit, name| {
            let limiter = RateLimiter::new(limit, clock.clone());
            limiter.counting(refused.with([name]))
        };
        Self {
            sign_in_failures_per_account: limiter(
                config.sign_in_failures_per_account,
                "sign_in_failures_per_account",
            ),
            sign_in_failures_per_address: limiter(
                config.sign_in_failures_per_address,
                "sign_in_failures_per_address",
            ),
            sign_ups_per_address: limiter(config.sign_ups_per_address, "sign_ups_per_address"),
            magic_links_per_address: limiter(
                config.magic_links_per_address,
                "magic_links_per_address",
            ),
            magic_links_per_recipient: limiter(
                config.magic_links_per_recipient,
                "magic_links_per_recipient",
            ),
        }
    }

    /// Counts a sign-in, before its password is verified.
    pub(crate) fn sign_in(
        &self,
        account: &Email,
        from: ClientAddress,
    ) -> Result<SignInAttempt, TooManyAttempts> {
        take_both(
            (&self.sign_in_failures_per_address, from),
            (&self.sign_in_failures_per_account, account),
        )
        .map(SignInAttempt)
    }

    /// Counts a sign-up.
    pub(crate) fn sign_up(&self, from: ClientAddress) -> Result<(), TooManyAttempts> {
        self.sign_ups_per_address.take(from).map(drop)
    }

    /// Counts a request for a magic link.
    pub(crate) fn magic_link(
        &self,
        recipient: &Email,
        from: ClientAddress,
    ) -> Result<(), TooManyAttempts> {
        take_both(
            (&self.magic_links_per_address, from),
            (&self.magic_links_per_recipient, recipient),
        )
        .map(drop)
    }
}

/// Takes a token from both limiters or from neither: an attempt that one limit refuses does not count for the other.
fn take_both(
    (first, address): (&RateLimiter, ClientAddress),
    (second, email): (&RateLimiter, &Email),
) -> Result<[Token; 2], TooManyAttempts> {
    let taken = first.take(address)?;
    match second.take(email) {
        Ok(other) => Ok([taken, other]),
        Err(refused) => {
            taken.refund();
            Err(refused)
        }
    }
}
