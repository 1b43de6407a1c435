//! The environment variables of each service.

use std::path::Path;

use anyhow::Result;
use stripe_stand_in::StripeStandIn;

use super::built::Built;
use super::links::Links;
use super::{FleetSettings, SERVICES, Service};
use crate::servers::Servers;
use crate::{fresh, port};

/// The origin and the generated secrets that the parts of one fleet share.
pub(super) struct Shared {
    pub(super) origin: String,
    pub(super) jwt_key: String,
    pub(super) stripe_key: String,
    pub(super) stripe_publishable_key: String,
    pub(super) stripe_webhook_secret: String,
}

impl Shared {
    pub(super) fn new(origin: String) -> Self {
        Self {
            origin,
            jwt_key: fresh::secret(),
            stripe_key: format!("sk_test_{}", fresh::secret()),
            stripe_publishable_key: format!("pk_test_{}", fresh::secret()),
            stripe_webhook_secret: format!("whsec_{}", fresh::secret()),
        }
    }

    /// Every replica of every service, not yet started.
    pub(super) async fn services(
        &self,
        settings: &FleetSettings,
        servers: &Servers,
        stripe: &StripeStandIn,
        built: &Built,
        logs: &Path,
    ) -> Result<Vec<Service>> {
        let common = self.common(settings, servers, stripe, built);
        let mut services = Vec::new();
        for name in SERVICES {
            for replica in 1..=settings.replicas.get(name).copied().unwrap_or(1) {
                let (port, admin_port) = (port::free(), port::free());
                let own = [
                    ("PORT", port.to_string()),
                    ("ADMIN_PORT", admin_port.to_string()),
                    ("MONGO_URI", servers.mongo_uri(name)),
                    ("NATS_CLIENT_ID", format!("{name}-{replica}")),
                ];
                let own = own.map(|(name, value)| (name.to_owned(), value));
                let links = if settings.proxied {
                    Links::of(name, servers, stripe).await?
                } else {
                    Links::default()
                };
                let linked = links.variables(name, servers);
                services.push(Service::new(
                    name,
                    replica,
                    (port, admin_port),
                    built.binaries.join(name),
                    common
                        .iter()
                        .cloned()
                        .chain(own)
                        .chain(linked)
                        .chain(settings.environment.clone()),
                    links,
                    logs,
                ));
            }
        }
        Ok(services)
    }

    fn common(
        &self,
        settings: &FleetSettings,
        servers: &Servers,
        stripe: &StripeStandIn,
        built: &Built,
    ) -> Vec<(String, String)> {
        let limits = if settings.production_limits {
            "production"
        } else {
            "wide"
        };
        let log_filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
        let stripe_url = stripe.base_url();
        let variables = [
            ("BIND_ADDRESS", "127.0.0.1".to_owned()),
            ("JWT_KEY", self.jwt_key.clone()),
            ("COOKIE_SECURE", "false".to_owned()),
            ("NATS_URL", servers.nats_url()),
            ("NATS_CLUSTER_ID", "ticketing".to_owned()),
            ("REDIS_HOST", servers.redis().address().to_owned()),
            ("STRIPE_KEY", self.stripe_key.clone()),
            ("STRIPE_API_BASE", stripe_url.clone()),
            (
                "STRIPE_PUBLISHABLE_KEY",
                self.stripe_publishable_key.clone(),
            ),
            ("STRIPE_JS_URL", format!("{stripe_url}/v3/")),
            ("STRIPE_WEBHOOK_SECRET", self.stripe_webhook_secret.clone()),
            ("SMTP_URL", servers.smtp_url()),
            ("MAIL_FROM", "Ticketing <tickets@ticketing.dev>".to_owned()),
            ("SITE_ROOT", built.site.display().to_string()),
            ("PUBLIC_ORIGIN", self.origin.clone()),
            ("API_ORIGIN", self.origin.clone()),
            (
                "ORDER_EXPIRATION_SECONDS",
                settings.expiration.as_secs().to_string(),
            ),
            ("RATE_LIMITS", limits.to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
            ("RUST_LOG", log_filter),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }
}
