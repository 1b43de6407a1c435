//! The settings of a run.

use std::sync::Arc;
use std::time::Duration;

use testkit::progress::Progress;

use crate::Scenario;

/// What a run measures, and how.
#[derive(Clone)]
pub struct BenchSettings {
    /// The scenarios, in this order.
    pub scenarios: Vec<Scenario>,
    /// The total duration of each load of a scenario. It is cut into slices.
    pub time: Duration,
    /// Requests per second at the fixed rate, instead of each scenario's own.
    pub rate: Option<f64>,
    /// Whether to run the binaries of a release build.
    pub release: bool,
    /// Receives each step.
    pub progress: Arc<dyn Progress>,
}
