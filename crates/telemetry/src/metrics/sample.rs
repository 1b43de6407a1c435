//! Metrics that need a query, for example to the database. Scrapes trigger the query, at a limited rate.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout};

/// How long a result is used before the next query.
const MAX_AGE: Duration = Duration::from_secs(2);

/// How long a scrape waits for the query. A slower one serves a later scrape.
const SCRAPE_TIMEOUT: Duration = Duration::from_millis(500);

/// A query that updates instruments, and its last run.
pub(super) struct Sample {
    query: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
    last: Mutex<Option<Run>>,
}

struct Run {
    started: Instant,
    finished: Shared<BoxFuture<'static, ()>>,
}

impl Sample {
    pub(super) fn new<F>(query: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            query: Box::new(move || query().boxed()),
            last: Mutex::default(),
        }
    }

    /// Waits until the instruments are up to date, at most for the timeout. After it they keep their last values.
    pub(super) async fn take(self: &Arc<Self>) {
        let _ = timeout(SCRAPE_TIMEOUT, self.run()).await;
    }

    /// The run that is in progress or recent, or a new one. It has its own task, so that no scrape cancels an operation
    /// of the database driver.
    fn run(&self) -> Shared<BoxFuture<'static, ()>> {
        let mut last = self.last();
        match &*last {
            Some(run) if run.finished.peek().is_none() || run.started.elapsed() < MAX_AGE => {
                run.finished.clone()
            }
            _ => {
                // The panic hook reports a panic of the query; the next run tries again.
                let finished = tokio::spawn((self.query)()).map(|_| ()).boxed().shared();
                let started = Instant::now();
                last.insert(Run { started, finished }).finished.clone()
            }
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Run>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
