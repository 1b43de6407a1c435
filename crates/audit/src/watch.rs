//! Looks at the databases while the run goes on: what happens between the beginning and the end must not be left out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use common::Timestamp;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::access::now;
use super::sightings::Sightings;
use super::snapshot::Databases;
use super::sources::Sources;
use super::violation::{Violation, bounded};

/// How often there is a look, unless looks take long.
const EVERY: Duration = Duration::from_millis(400);

/// A look may take a quarter of the time, so that the checker does not become the load.
const REST: u32 = 3;

/// A server that hangs is looked at again later.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks one after the other, so that no older one is taken for the newer.
#[derive(Debug, Clone)]
pub(super) struct Lookout {
    sources: Sources,
    sightings: Arc<Mutex<Sightings>>,
}

impl Lookout {
    pub(super) fn new(sources: Sources) -> Self {
        Self {
            sources,
            sightings: Arc::default(),
        }
    }

    pub(super) const fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(super) fn sightings(&self) -> &Mutex<Sightings> {
        &self.sightings
    }

    /// Looks once; gives what was seen and when the look began.
    pub(super) async fn look(&self) -> Result<(Timestamp, Databases)> {
        let mut sightings = self.sightings.lock().await;
        if let Ok(Ok(sizes)) = timeout(PATIENCE, self.sources.broker().sizes()).await {
            sightings.observe_streams(sizes);
        }
        let at = now();
        let databases = timeout(PATIENCE, self.sources.versioned()).await;
        let databases = databases.context("MongoDB does not answer")??;
        sightings.observe(at, &databases);
        Ok((at, databases))
    }
}

/// The looks that go on in the background. Dropping it ends them.
#[derive(Debug)]
pub struct Watch {
    lookout: Lookout,
    stop: CancellationToken,
    looking: AbortOnDropHandle<()>,
}

impl Watch {
    pub(super) fn start(lookout: Lookout) -> Self {
        let stop = CancellationToken::new();
        let looking = tokio::spawn(look_regularly(lookout.clone(), stop.clone()));
        Self {
            lookout,
            stop,
            looking: AbortOnDropHandle::new(looking),
        }
    }

    /// Ends the looks; what they found.
    pub async fn finish(self) -> Vec<Violation> {
        self.stop.cancel();
        if let Err(error) = self.looking.await {
            tracing::warn!(%error, "the watch did not end in order");
        }
        bounded(self.lookout.sightings.lock().await.take_violations())
    }
}

async fn look_regularly(lookout: Lookout, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let began = Instant::now();
        // Databases are killed now and then; what matters is what they say when they are there.
        if let Err(error) = lookout.look().await {
            tracing::debug!(%error, "no look at the databases");
        }
        let rest = EVERY.max(began.elapsed() * REST);
        stop.run_until_cancelled(sleep(rest)).await;
    }
}
