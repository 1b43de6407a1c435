//! Magic links from the request to the click. Whether an address has an account plays no part until the link is
//! followed, so asking for one reveals nothing.

use std::time::Duration;

use base::Clock;
use base::Origin;
use base::config::Environment;
use common::Email;
use mongo::StoreError;

use crate::domain::{InvalidToken, MagicLink, MagicLinkToken};
use crate::mail::{Letter, MailQueue, QueueFull};
use crate::store::MagicLinkStore;

/// What magic links are like.
#[derive(Debug, Clone)]
pub struct MagicLinkConfig {
    /// `PUBLIC_ORIGIN`: where browsers reach the fleet.
    pub origin: Origin,
    /// `MAGIC_LINK_SECONDS` (default 60): how long a link works.
    pub lifetime: Duration,
}

impl MagicLinkConfig {
    /// Longer than a day is no longer a short time.
    const LONGEST: u64 = 24 * 60 * 60;

    /// Reads `PUBLIC_ORIGIN` and `MAGIC_LINK_SECONDS`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let origin = environment.required("PUBLIC_ORIGIN");
        let seconds = environment.with_default("MAGIC_LINK_SECONDS", 60);
        let seconds = seconds.and_then(|seconds| match seconds {
            1..=Self::LONGEST => Some(seconds),
            _ => environment.fault("MAGIC_LINK_SECONDS", "must be between 1 and 86400"),
        });
        Some(Self {
            origin: origin?,
            lifetime: Duration::from_secs(seconds?),
        })
    }
}

/// Sends magic links and takes them back.
#[derive(Debug, Clone)]
pub(crate) struct MagicLinks {
    config: MagicLinkConfig,
    links: MagicLinkStore,
    mail: MailQueue,
    clock: Clock,
}

/// Why a link cannot be sent now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Too many letters wait already.
    #[error(transparent)]
    Mail(#[from] QueueFull),
    /// The link could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a link does not sign in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// It never was one, was used, or has expired.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// The database said something else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MagicLinks {
    /// Links kept in this store and sent through this queue.
    pub(crate) const fn new(
        config: MagicLinkConfig,
        links: MagicLinkStore,
        mail: MailQueue,
        clock: Clock,
    ) -> Self {
        Self {
            config,
            links,
            mail,
            clock,
        }
    }

    /// Sends a fresh link to the address, in the background.
    pub(crate) async fn send(&self, email: Email) -> Result<(), SendError> {
        let slot = self.mail.reserve()?;
        let token = MagicLinkToken::generate();
        let link = MagicLink {
            digest: token.digest(),
            email,
            expires_at: self.clock.now().plus(self.config.lifetime),
        };
        self.links.insert(&link).await?;
        slot.send(Letter {
            to: link.email,
            link: self.address(&token).into(),
            lifetime: self.config.lifetime,
            useless_after: link.expires_at,
        });
        Ok(())
    }

    /// Uses up the link with this token and gives the address that it proves to be the reader's.
    pub(crate) async fn follow(&self, token: &str) -> Result<Email, FollowError> {
        let token: MagicLinkToken = token.parse()?;
        let now = self.clock.now();
        let email = self.links.claim(token.digest(), now).await?;
        Ok(email.ok_or(InvalidToken)?)
    }

    /// Whether the link with this token would sign in. It is not used up.
    pub(crate) async fn check(&self, token: &str) -> Result<(), FollowError> {
        let token: MagicLinkToken = token.parse()?;
        if self
            .links
            .is_valid(token.digest(), self.clock.now())
            .await?
        {
            Ok(())
        } else {
            Err(InvalidToken.into())
        }
    }

    /// Where a browser goes that was signed in.
    pub(crate) fn destination(&self) -> String {
        format!("{}/", self.config.origin)
    }

    /// Where a browser goes whose link did not sign in: a page that says so and offers another.
    pub(crate) fn apology(&self) -> String {
        format!("{}/auth/signin?link=invalid", self.config.origin)
    }

    fn address(&self, token: &MagicLinkToken) -> String {
        let (origin, token) = (&self.config.origin, token.expose());
        format!("{origin}/api/users/verify-magic-links?token={token}")
    }
}
