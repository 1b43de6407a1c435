//! Magic links from the request to the click. Whether an address has an account plays no part until the link is
//! followed, so asking for one reveals nothing.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::Scheme;
use common::Email;
use service::Clock;
use service::config::Environment;
use service::mongo::StoreError;

use crate::domain::{InvalidToken, MagicLink, MagicLinkToken};
use crate::mail::{Letter, MailQueue, QueueFull};
use crate::store::MagicLinkStore;

/// What magic links are like.
#[derive(Debug, Clone)]
pub struct MagicLinkConfig {
    /// `PUBLIC_ORIGIN`: where browsers reach the fleet.
    pub origin: PublicOrigin,
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

/// A scheme, a host and perhaps a port, as `https://ticketing.dev`; written without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicOrigin(String);

/// The text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an origin such as https://ticketing.dev")]
pub struct InvalidOrigin;

impl PublicOrigin {
    /// Where the shop is.
    pub(crate) fn shop(&self) -> String {
        format!("{self}/")
    }

    fn link(&self, token: &MagicLinkToken) -> String {
        let token = token.expose();
        format!("{self}/api/users/verify-magic-links?token={token}")
    }
}

impl FromStr for PublicOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let scheme = uri.scheme().filter(|scheme| {
            let web = [Scheme::HTTP, Scheme::HTTPS];
            web.contains(scheme)
        });
        let scheme = scheme.ok_or(InvalidOrigin)?;
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(InvalidOrigin);
        }
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

impl fmt::Display for PublicOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
            link: self.config.origin.link(&token).into(),
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

    /// Where a browser goes that was signed in.
    pub(crate) fn destination(&self) -> String {
        self.config.origin.shop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_nothing_else() {
        let origin = |text: &str| {
            text.parse::<PublicOrigin>()
                .map(|origin| origin.to_string())
        };
        let shop = Ok("https://ticketing.dev".to_owned());
        assert_eq!(origin("https://ticketing.dev"), shop);
        assert_eq!(origin("https://ticketing.dev/"), shop);
        assert!(origin("http://127.0.0.1:8080").is_ok());
        for text in [
            "",
            "ticketing.dev",
            "/shop",
            "ftp://ticketing.dev",
            "https://ticketing.dev/shop",
            "https://ticketing.dev/?a=b",
            "https://user@ticketing.dev",
        ] {
            assert_eq!(origin(text), Err(InvalidOrigin), "{text}");
        }
    }
}
