//! What a run is told.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use testkit::progress::{Progress, ToStderr};
use tokio_util::sync::CancellationToken;

use crate::fault::Kind;

/// How a run goes.
#[derive(Clone)]
pub struct ChaosSettings {
    /// From which everything is drawn.
    pub seed: u64,
    /// How long faults are injected; a calm end of some seconds comes after.
    pub length: Duration,
    /// Which kinds of faults.
    pub kinds: BTreeSet<Kind>,
    /// How many shoppers there are at once.
    pub shoppers: usize,
    /// Whether to run the binaries of `cargo build --release`.
    pub release: bool,
    /// Who is told how it goes.
    pub progress: Arc<dyn Progress>,
    /// Ends the run early, in order.
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
