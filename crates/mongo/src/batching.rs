//! Batching: operations that arrive while a batch runs form the next batch.
//!
//! A batch never waits to fill up. Under little load it has one item; under heavy load it has many, which then share a round
//! trip or a commit.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;
use tracing::{Instrument, Span};

/// The most items of a batch.
const LIMIT: usize = 64;

/// How long the next batch waits for the current one. No healthy batch takes longer, so a connection that hangs delays its
/// own batch and not all later ones.
const TURN: Duration = Duration::from_millis(250);

/// Runs items `I` in batches, each with an outcome `O`. Clones share the batches.
pub struct Batched<I, O>(Arc<Actor<I, O>>);

/// The task that runs the batches starts with the first item, since stores are also made outside a runtime.
struct Actor<I, O> {
    work: Arc<Work<I, O>>,
    /// Not bounded: every item belongs to a request or an event that waits for it, and those are bounded.
    queue: OnceLock<UnboundedSender<Queued<I, O>>>,
}

type Work<I, O> = dyn Fn(Vec<I>) -> BoxFuture<'static, Vec<O>> + Send + Sync;

/// An item, where its outcome is awaited, and the span in which it was queued.
type Queued<I, O> = (I, oneshot::Sender<O>, Span);

// Written out because derives would require the same of `I` and `O`.
impl<I, O> Clone for Batched<I, O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I, O> fmt::Debug for Batched<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batched").finish_non_exhaustive()
    }
}

impl<I, O> Batched<I, O>
where
    I: Send + 'static,
    O: Send + 'static,
{
    /// Runs batches with `work`, which returns the outcomes in the order of the items.
    pub fn new<F>(work: impl Fn(Vec<I>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<O>> + Send + 'static,
    {
        Self(Arc::new(Actor {
            work: Arc::new(move |items| work(items).boxed()),
            queue: OnceLock::new(),
        }))
    }

    /// Runs the item in the next batch. If the future is dropped before that batch begins, the item is not run.
    ///
    /// # Panics
    /// If the work panicked, or returned too few outcomes.
    pub async fn run(&self, item: I) -> O {
        let (sender, outcome) = oneshot::channel();
        let queue = self.0.queue.get_or_init(|| {
            let (queue, queued) = unbounded_channel();
            tokio::spawn(run_batches(Arc::clone(&self.0.work), queued));
            queue
        });
        // An error means that the runtime is shutting down.
        let _ = queue.send((item, sender, Span::current()));
        outcome.await.expect("the work returns each outcome")
    }
}

async fn run_batches<I, O>(work: Arc<Work<I, O>>, mut queue: UnboundedReceiver<Queued<I, O>>)
where
    I: Send + 'static,
    O: Send + 'static,
{
    let mut queued = Vec::new();
    while queue.recv_many(&mut queued, LIMIT).await > 0 {
        // Lets those join that are about to send, such as requests that one read from a socket woke.
        yield_now().await;
        while queued.len() < LIMIT
            && let Ok(more) = queue.try_recv()
        {
            queued.push(more);
        }
        queued.retain(|(_, outcome, _)| !outcome.is_closed());
        // A trace shows a batch where its first item was queued.
        let Some((_, _, span)) = queued.first() else {
            continue;
        };
        let span = span.clone();
        let (items, waiting) = queued
            .drain(..)
            .map(|(item, outcome, _)| (item, outcome))
            .unzip();
        // A panic fails the items of this batch and no others.
        let mut batch =
            AssertUnwindSafe(span.in_scope(|| work(items)).instrument(span.clone())).catch_unwind();
        if let Ok(outcomes) = timeout(TURN, &mut batch).await {
            respond(outcomes.unwrap_or_default(), waiting);
        } else {
            tokio::spawn(async move { respond(batch.await.unwrap_or_default(), waiting) });
        }
    }
}

fn respond<O>(outcomes: Vec<O>, waiting: Vec<oneshot::Sender<O>>) {
    for (outcome, waiting) in outcomes.into_iter().zip(waiting) {
        // The caller may have given up.
        let _ = waiting.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::*;

    /// Work whose outcome for each item is its batch, once the batch may end.
    struct Slow {
        batched: Batched<u32, Vec<u32>>,
        may_end: Arc<Semaphore>,
    }

    impl Slow {
        fn new() -> Self {
            let may_end = Arc::new(Semaphore::new(0));
            let permits = Arc::clone(&may_end);
            let batched = Batched::new(move |items: Vec<u32>| {
                let permits = Arc::clone(&permits);
                async move {
                    permits.acquire().await.unwrap().forget();
                    assert_ne!(items, [13], "on purpose");
                    vec![items.clone(); items.len()]
                }
            });
            Self { batched, may_end }
        }

        fn spawn(&self, item: u32) -> JoinHandle<Vec<u32>> {
            let batched = self.batched.clone();
            tokio::spawn(async move { batched.run(item).await })
        }

        /// Runs this item, which is queued when this returns; its batch has begun unless another one runs.
        async fn run(&self, item: u32) -> JoinHandle<Vec<u32>> {
            let running = self.spawn(item);
            for _ in 0..10 {
                yield_now().await;
            }
            running
        }

        async fn run_all(&self, items: impl IntoIterator<Item = u32>) -> Vec<JoinHandle<Vec<u32>>> {
            let mut running = Vec::new();
            for item in items {
                running.push(self.run(item).await);
            }
            running
        }
    }

    async fn outcomes(running: impl IntoIterator<Item = JoinHandle<Vec<u32>>>) -> Vec<Vec<u32>> {
        let outcomes = join_all(running).await;
        outcomes.into_iter().map(Result::unwrap).collect()
    }

    #[tokio::test]
    async fn items_that_arrive_during_a_batch_form_the_next_one() {
        let slow = Slow::new();
        let running = slow.run_all([1, 2, 3, 4]).await;
        slow.may_end.add_permits(2);
        let next = vec![2, 3, 4];
        assert_eq!(
            outcomes(running).await,
            [vec![1], next.clone(), next.clone(), next]
        );
    }

    #[tokio::test]
    async fn items_that_arrive_at_the_same_moment_share_a_batch() {
        let slow = Slow::new();
        let running = [1, 2, 3].map(|item| slow.spawn(item));
        slow.may_end.add_permits(1);
        assert_eq!(outcomes(running).await, [[1, 2, 3], [1, 2, 3], [1, 2, 3]]);
    }

    #[tokio::test]
    async fn the_size_of_a_batch_is_limited() {
        let slow = Slow::new();
        let limit = u32::try_from(LIMIT).unwrap();
        let running = slow.run_all(0..=limit + 1).await;
        slow.may_end.add_permits(3);
        let sizes: Vec<_> = outcomes(running).await.iter().map(Vec::len).collect();
        assert_eq!(sizes[0], 1);
        assert_eq!(sizes[1..=LIMIT], [LIMIT; LIMIT]);
        assert_eq!(sizes[LIMIT + 1], 1);
    }

    #[tokio::test]
    async fn an_item_that_is_abandoned_before_its_batch_begins_is_not_run() {
        let slow = Slow::new();
        let mut running = slow.run_all([1, 2, 3]).await;
        let abandoned = running.remove(1);
        abandoned.abort();
        assert!(abandoned.await.unwrap_err().is_cancelled());
        slow.may_end.add_permits(2);
        assert_eq!(outcomes(running).await, [[1], [3]]);
    }

    #[tokio::test]
    async fn an_abandoned_batch_blocks_nobody() {
        let slow = Slow::new();
        let mut running = slow.run_all([1, 2]).await;
        let abandoned = running.remove(0);
        abandoned.abort();
        assert!(abandoned.await.unwrap_err().is_cancelled());
        slow.may_end.add_permits(2);
        assert_eq!(outcomes(running).await, [[2]]);
    }

    #[tokio::test]
    async fn a_panic_fails_only_its_own_batch() {
        let slow = Slow::new();
        let mut running = slow.run_all([13, 2]).await;
        slow.may_end.add_permits(2);
        assert!(running.remove(0).await.unwrap_err().is_panic());
        assert_eq!(outcomes(running).await, [[2]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_hangs_delays_only_itself() {
        let slow = Slow::new();
        let hanging = slow.run(1).await;
        let next = slow.run(2).await;
        tokio::time::sleep(TURN + Duration::from_millis(1)).await;
        slow.may_end.add_permits(2);
        assert_eq!(outcomes([hanging, next]).await, [[1], [2]]);
    }
}
