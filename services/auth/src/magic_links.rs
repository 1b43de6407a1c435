//! Magic links, from the request to the click. Accounts play no part until a link is followed, so a request for a link
//! does not reveal whether the address has an account.

use std::time::Duration;

use base::config::Environment;
use base::{Clock, Origin};
use common::Email;
use mongo::StoreError;

use crate::domain::{InvalidToken, MagicLink, MagicLinkToken};
use crate::mail::{Mail, MailQueue, QueueFull};
use crate::store::MagicLinkStore;

/// The settings of magic links.
#[derive(Debug, Clone)]
pub struct MagicLinkConfig {
    /// `PUBLIC_ORIGIN`: where browsers reach the shop.
    pub origin: Origin,
    /// `MAGIC_LINK_SECONDS` (default 60): how long a link is valid.
    pub lifetime: Duration,
}

impl MagicLinkConfig {
    /// One day, in seconds.
    const MAX_SECONDS: u64 = 24 * 60 * 60;

    /// Reads `PUBLIC_ORIGIN` and `MAGIC_LINK_SECONDS`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let origin = environment.required("PUBLIC_ORIGIN");
        let seconds = environment.with_default("MAGIC_LINK_SECONDS", 60);
        let seconds = seconds.and_then(|seconds| match seconds {
            1..=Self::MAX_SECONDS => Some(seconds),
            _ => environment.fault("MAGIC_LINK_SECONDS", "must be between 1 and 86400"),
        });
        Some(Self {
            origin: origin?,
            lifetime: Duration::from_secs(seconds?),
        })
    }
}

/// Sends and redeems magic links.
#[derive(Debug, Clone)]
pub(crate) struct MagicLinks {
    config: MagicLinkConfig,
    links: MagicLinkStore,
    mail: MailQueue,
    clock: Clock,
}

/// Why a link could not be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The mail queue is full.
    #[error(transparent)]
    Mail(#[from] QueueFull),
    /// The link could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a link does not sign in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The token is malformed, unknown, used or expired.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MagicLinks {
    /// Stores links in `links` and sends them through `mail`.
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

    /// Creates a link and queues its mail.
    pub(crate) async fn send(&self, email: Email) -> Result<(), SendError> {
        let slot = self.mail.reserve()?;
        let token = MagicLinkToken::generate();
        let link = MagicLink {
            digest: token.digest(),
            email,
            expires_at: self.clock.now().plus(self.config.lifetime),
        };
        self.links.insert(&link).await?;
        slot.send(Mail {
            to: link.email,
            link: self.url(&token).into(),
            lifetime: self.config.lifetime,
            expires_at: link.expires_at,
        });
        Ok(())
    }

    /// Uses up the link with this token and returns the address that the client has proved to own.
    pub(crate) async fn follow(&self, token: &str) -> Result<Email, FollowError> {
        let token: MagicLinkToken = token.parse()?;
        let now = self.clock.now();
        let email = self.links.claim(token.digest(), now).await?;
        Ok(email.ok_or(InvalidToken)?)
    }

    /// Checks that the link with this token is valid, without using it up.
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

    /// The page after a sign-in: the shop's first page.
    pub(crate) fn shop_url(&self) -> String {
        format!("{}/", self.config.origin)
    }

    /// The page after an invalid link: it says so and offers a new one.
    pub(crate) fn invalid_link_url(&self) -> String {
        format!("{}/auth/signin?link=invalid", self.config.origin)
    }

    fn url(&self, token: &MagicLinkToken) -> String {
        let (origin, token) = (&self.config.origin, token.expose());
        format!("{origin}/api/users/verify-magic-links?token={token}")
    }
}
