//! How far the history has been read.

use std::sync::Arc;

use messaging::Position;
use tokio::sync::{Notify, watch};

/// How far the history has been read.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub(super) reached: watch::Receiver<Option<Position>>,
    pub(super) wake: Arc<Notify>,
}

/// The worker has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the worker has stopped")]
pub(crate) struct WorkerStopped;

impl Progress {
    /// Waits until every open order that was created up to this position has a job.
    pub(crate) async fn wait_for(&self, position: Position) -> Result<(), WorkerStopped> {
        let mut reached = self.reached.clone();
        let covers =
            |reached: &Option<Position>| reached.is_some_and(|last| position.is_until(last));
        if !covers(&reached.borrow()) {
            self.wake.notify_one();
        }
        let reached = reached.wait_for(covers).await;
        reached.map(drop).map_err(|_| WorkerStopped)
    }
}
