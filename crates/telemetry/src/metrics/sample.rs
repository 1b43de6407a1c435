//! Numbers that somebody else has to be asked for, such as the database: asked when metrics are read, and not more than is
//! good for whoever is asked.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout};

/// For how long an answer is new enough, however many ask.
const FRESH: Duration = Duration::from_secs(2);

/// How long a scrape waits for the answer; a later one finds it.
const PATIENCE: Duration = Duration::from_millis(500);

/// A question, and when it was asked last.
pub(super) struct Sample {
    ask: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
    last: Mutex<Option<Asked>>,
}

struct Asked {
    at: Instant,
    answer: Shared<BoxFuture<'static, ()>>,
}

impl Sample {
    pub(super) fn new<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            ask: Box::new(move || ask().boxed()),
            last: Mutex::default(),
        }
    }

    /// Sees to it that the answer is fresh, if that takes no longer than a scrape may wait.
    pub(super) async fn take(self: &Arc<Self>) {
        let answer = self.asked();
        // What is not answered yet is as it was at the last look.
        let _ = timeout(PATIENCE, answer).await;
    }

    /// The question that is under way or answered a moment ago, or a new one. It is seen through by a task of its own, as
    /// the database's driver needs it.
    fn asked(&self) -> Shared<BoxFuture<'static, ()>> {
        let mut last = self.last();
        match &*last {
            Some(asked) if asked.answer.peek().is_none() || asked.at.elapsed() < FRESH => {
                asked.answer.clone()
            }
            _ => {
                let asking = tokio::spawn((self.ask)());
                // A question that panics has told so, and is asked again.
                let answer = asking.map(|_| ()).boxed().shared();
                let at = Instant::now();
                last.insert(Asked { at, answer }).answer.clone()
            }
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Asked>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
