//! Observes the databases during a run, so that nothing between its start and its end is missed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use common::Timestamp;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::access::now;
use super::observer::Observer;
use super::snapshot::Databases;
use super::sources::Sources;
use super::violation::{Violation, bounded};

/// The shortest pause between two samples.
const EVERY: Duration = Duration::from_millis(400);

/// Sampling takes at most a quarter of the time, so that it adds little load.
const REST: u32 = 3;

/// How long a server may take to answer; a sample that takes longer is skipped.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Takes samples one after the other, so that they are observed in order.
#[derive(Debug, Clone)]
pub(super) struct Sampler {
    sources: Sources,
    observer: Arc<Mutex<Observer>>,
}

impl Sampler {
    pub(super) fn new(sources: Sources) -> Self {
        Self {
            sources,
            observer: Arc::default(),
        }
    }

    pub(super) const fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(super) fn observer(&self) -> &Mutex<Observer> {
        &self.observer
    }

    /// Reads the databases once; returns when reading began, and what was read.
    pub(super) async fn sample(&self) -> Result<(Timestamp, Databases)> {
        let mut observer = self.observer.lock().await;
        if let Ok(Ok(sizes)) = timeout(TIMEOUT, self.sources.broker().sizes()).await {
            observer.observe_streams(sizes);
        }
        let at = now();
        let databases = timeout(TIMEOUT, self.sources.versioned()).await;
        let databases = databases.context("MongoDB does not answer")??;
        observer.observe(at, &databases);
        Ok((at, databases))
    }
}

/// Observation in the background. Dropping it stops it.
#[derive(Debug)]
pub struct Watch {
    sampler: Sampler,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Watch {
    pub(super) fn start(sampler: Sampler) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(sample_regularly(sampler.clone(), stop.clone()));
        Self {
            sampler,
            stop,
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Stops and returns the violations.
    pub async fn finish(self) -> Vec<Violation> {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the watch failed");
        }
        bounded(self.sampler.observer.lock().await.take_violations())
    }
}

async fn sample_regularly(sampler: Sampler, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let began = Instant::now();
        // Chaos kills databases now and then; they are sampled when they are available.
        if let Err(error) = sampler.sample().await {
            tracing::debug!(%error, "no sample of the databases");
        }
        let rest = EVERY.max(began.elapsed() * REST);
        stop.run_until_cancelled(sleep(rest)).await;
    }
}
