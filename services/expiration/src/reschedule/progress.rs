//! How far the history has been read.

use std::sync::Arc;

use messaging::Position;
use tokio::sync::{Notify, watch};

/// How far the history has been read, for those who need it read up to an event.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub(super) reached: watch::Receiver<Option<Position>>,
    pub(super) wanted: Arc<Notify>,
}

/// The worker has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the worker has stopped")]
pub(crate) struct WorkerStopped;

impl Progress {
    /// Waits until every order that is still open and was created here or before has a job.
    pub(crate) async fn reaches(&self, position: Position) -> Result<(), WorkerStopped> {
        let mut reached = self.reached.clone();
        let covers =
            |reached: &Option<Position>| reached.is_some_and(|last| position.is_until(last));
        if !covers(&reached.borrow()) {
            self.wanted.notify_one();
        }
        let reached = reached.wait_for(covers).await;
        reached.map(drop).map_err(|_| WorkerStopped)
    }
}
