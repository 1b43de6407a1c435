//! Puts the client together.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use base::Clock;
use base::Origin;
use service::App;
use service::app::StartError;
use telemetry::metrics::Metrics;
use web::ThrottledLog;

use crate::api::ApiClient;
use crate::config::{Config, StripeConfig};
use crate::page::ContentSecurity;
use crate::site::Site;
use crate::{DEFINITION, NAME, routes};

/// What handlers share.
#[derive(Clone, FromRef)]
pub(crate) struct AppState {
    pub(crate) api: ApiClient,
    pub(crate) shop: Arc<Shop>,
}

/// What is the same on every page.
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
    /// How long a ticket is held for who buys it, in words.
    pub(crate) fn hold(&self) -> String {
        match self.hold.as_secs() {
            60 => "a minute".to_owned(),
            seconds if seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
            seconds => format!("{seconds} seconds"),
        }
    }
}

/// Puts the service together. It depends on nothing at start: without the API its pages say so.
pub async fn build(config: Config, clock: Clock) -> Result<App, StartError> {
    let metrics = Metrics::new(NAME);
    let site = routes::site(AppState::new(config, clock, &metrics)?, &metrics);
    Ok(App::site(&DEFINITION, metrics, site))
}

impl AppState {
    /// What the configuration says that handlers share.
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
