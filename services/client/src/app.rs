//! The composition root of the client.

use base::Clock;
use service::App;
use service::app::StartError;
use telemetry::metrics::Metrics;

use crate::config::Config;
use crate::state::AppState;
use crate::{DEFINITION, NAME, routes};

/// Builds the service. It starts without the API; its pages then say that the shop is unavailable.
pub async fn build(config: Config, clock: Clock) -> Result<App, StartError> {
    let metrics = Metrics::new(NAME, &[web::METRICS]);
    let site = routes::site(AppState::new(config, clock, &metrics)?, &metrics);
    Ok(App::site(&DEFINITION, metrics, site))
}
