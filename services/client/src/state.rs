//! What the request handlers share.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use base::{Clock, Origin};
use service::app::StartError;
use telemetry::metrics::Metrics;
use web::ThrottledLog;

use crate::api::ApiClient;
use crate::config::{Config, StripeConfig};
use crate::security::ContentSecurity;
use crate::site::Site;

/// The application state. Each handler extracts the parts that it needs.
#[derive(Clone, FromRef)]
pub(crate) struct AppState {
    pub(crate) api: ApiClient,
    pub(crate) shop: Arc<Shop>,
}

/// What all pages have in common.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) origin: Origin,
    pub(crate) stripe: StripeConfig,
    pub(crate) security: ContentSecurity,
    pub(crate) site: Site,
    pub(crate) clock: Clock,
    pub(crate) csp_reports: ThrottledLog,
    hold: Duration,
}

impl Shop {
    /// How long a ticket is reserved for its buyer, in words.
    pub(crate) fn hold(&self) -> String {
        match self.hold.as_secs() {
            60 => "a minute".to_owned(),
            seconds if seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
            seconds => format!("{seconds} seconds"),
        }
    }
}

impl AppState {
    pub(crate) fn new(config: Config, clock: Clock, metrics: &Metrics) -> Result<Self, StartError> {
        let site = Site::open(&config.site_root)
            .map_err(|error| StartError::Other(format!("SITE_ROOT: {error}")))?;
        let shop = Arc::new(Shop {
            origin: config.origin,
            security: ContentSecurity::new(&config.stripe.origin),
            stripe: config.stripe,
            site,
            clock,
            csp_reports: ThrottledLog::default(),
            hold: config.hold,
        });
        let api = ApiClient::new(config.api, metrics);
        Ok(Self { api, shop })
    }
}
