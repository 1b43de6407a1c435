//! What is to be measured, and how.

use std::sync::Arc;
use std::time::Duration;

use testkit::progress::Progress;

use crate::Scenario;

/// How a run is to be.
#[derive(Clone)]
pub struct BenchSettings {
    /// What is measured, in this order.
    pub scenarios: Vec<Scenario>,
    /// How long each load of a scenario lasts in all; it is cut into slices.
    pub time: Duration,
    /// The fixed rate of requests a second, where a scenario's own is not wanted.
    pub rate: Option<f64>,
    /// Whether to run the binaries of a release build.
    pub release: bool,
    /// Who is told of each step.
    pub progress: Arc<dyn Progress>,
}
