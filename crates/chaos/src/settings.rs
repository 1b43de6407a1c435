//! The settings of a run.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use testkit::progress::{Progress, ToStderr};
use tokio_util::sync::CancellationToken;

use crate::fault::Kind;

/// The settings of a run.
#[derive(Clone)]
pub struct ChaosSettings {
    /// The source of everything random.
    pub seed: u64,
    /// How long faults are injected. Some seconds without faults follow.
    pub length: Duration,
    /// The kinds of faults.
    pub kinds: BTreeSet<Kind>,
    /// The number of concurrent shoppers.
    pub shoppers: usize,
    /// Whether to run the binaries of `cargo build --release`.
    pub release: bool,
    /// Receives the progress.
    pub progress: Arc<dyn Progress>,
    /// Stops the run early.
    pub stop: CancellationToken,
}

impl Default for ChaosSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            length: Duration::from_mins(1),
            kinds: Kind::ALL.into(),
            shoppers: 24,
            release: false,
            progress: Arc::new(ToStderr),
            stop: CancellationToken::new(),
        }
    }
}

impl fmt::Debug for ChaosSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosSettings")
            .field("seed", &self.seed)
            .field("length", &self.length)
            .field("kinds", &self.kinds)
            .field("shoppers", &self.shoppers)
            .field("release", &self.release)
            .finish_non_exhaustive()
    }
}
