//! Work that is done together: what is asked for while a batch is under way goes with the next one.
//!
//! Nobody waits for others to come. A batch is what came while the one before was under way, and at the same moment: one
//! item when little is asked for, many when a crowd comes, so that what is common to a batch, such as a round trip or a
//! commit, weighs the less the more there is to do.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::joint::Joint;

/// How many items a batch has at most; what comes beyond goes with the batch after it.
const MOST: usize = 64;

/// How long the batch after it waits for one. Longer than any takes that is not held up by something: what a connection
/// that hangs holds up is its own batch, and not all that come later.
const TURN: Duration = Duration::from_millis(250);

/// Does items `I` together, each of which has an outcome `O`. Clones share the batches.
pub struct Batched<I, O>(Arc<Batches<I, O>>);

struct Batches<I, O> {
    work: Box<dyn Fn(Vec<I>) -> BoxFuture<'static, Vec<O>> + Send + Sync>,
    /// Had by the batch that is under way.
    turn: Arc<tokio::sync::Mutex<()>>,
    gathering: Mutex<Option<Batch<I, O>>>,
}

/// Items that wait for their turn, and all of their work.
struct Batch<I, O> {
    items: Items<I, O>,
    done: Joint<()>,
}

/// Each with the one who waits for its outcome.
type Items<I, O> = Arc<Mutex<Vec<(I, oneshot::Sender<O>)>>>;

// Written out because derives would ask the same of what is batched.
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
    /// Items are done by `work`, which gives the outcome of each, in their order.
    pub fn new<F>(work: impl Fn(Vec<I>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<O>> + Send + 'static,
    {
        Self(Arc::new(Batches {
            work: Box::new(move |items| work(items).boxed()),
            turn: Arc::default(),
            gathering: Mutex::default(),
        }))
    }

    /// Does the item, together with others that are asked for at the same time. If it is given up before its batch began,
    /// it is not done.
    pub async fn run(&self, item: I) -> O {
        let (outcome, mut told) = oneshot::channel();
        self.join(item, outcome).outcome().await;
        told.try_recv()
            .expect("a batch that is done has told each of its outcome")
    }

    /// Adds the item to the batch that gathers; the work of that batch.
    fn join(&self, item: I, outcome: oneshot::Sender<O>) -> Joint<()> {
        let mut gathering = lock(&self.0.gathering);
        let batch = gathering
            .take()
            .filter(|batch| lock(&batch.items).len() < MOST)
            .unwrap_or_else(|| self.begin());
        lock(&batch.items).push((item, outcome));
        gathering.insert(batch).done.clone()
    }

    fn begin(&self) -> Batch<I, O> {
        let items = Items::default();
        let done = Arc::clone(&self.0).work_on(Arc::clone(&items));
        let done = Joint::new(done);
        Batch { items, done }
    }
}

impl<I: Send + 'static, O: Send + 'static> Batches<I, O> {
    async fn work_on(self: Arc<Self>, items: Items<I, O>) {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        // Whoever is about to ask comes along: what was read from sockets together, for one.
        yield_now().await;
        let (items, waiting): (Vec<_>, Vec<_>) = self.close(&items).into_iter().unzip();
        if items.is_empty() {
            return;
        }
        let mut work = (self.work)(items);
        let outcomes = if let Ok(outcomes) = timeout(TURN, &mut work).await {
            outcomes
        } else {
            drop(turn);
            work.await
        };
        for (outcome, waiting) in outcomes.into_iter().zip(waiting) {
            // Whoever gave up meanwhile needs none.
            let _ = waiting.send(outcome);
        }
    }

    /// Takes the items that are still waited for; whoever comes from now on gathers for the batch after this one.
    fn close(&self, items: &Items<I, O>) -> Vec<(I, oneshot::Sender<O>)> {
        let mut gathering = lock(&self.gathering);
        if gathering
            .as_ref()
            .is_some_and(|batch| Arc::ptr_eq(&batch.items, items))
        {
            *gathering = None;
        }
        let mut items = std::mem::take(&mut *lock(items));
        items.retain(|(_, outcome)| !outcome.is_closed());
        items
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::sync::Semaphore;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    /// Work that tells each item which batch it went with, once it may.
    struct Slow {
        batched: Batched<u32, Vec<u32>>,
        may: Arc<Semaphore>,
    }

    impl Slow {
        fn new() -> Self {
            let may = Arc::new(Semaphore::new(0));
            let permits = Arc::clone(&may);
            let batched = Batched::new(move |items: Vec<u32>| {
                let permits = Arc::clone(&permits);
                async move {
                    permits.acquire().await.unwrap().forget();
                    vec![items.clone(); items.len()]
                }
            });
            Self { batched, may }
        }

        /// Will ask for this item as soon as others may do something.
        fn will_ask(&self, item: u32) -> JoinHandle<Vec<u32>> {
            let batched = self.batched.clone();
            tokio::spawn(async move { batched.run(item).await })
        }

        /// Asks for this item, which has joined a batch when this returns; the batch has begun if it may.
        async fn ask(&self, item: u32) -> JoinHandle<Vec<u32>> {
            let asking = self.will_ask(item);
            for _ in 0..2 {
                yield_now().await;
            }
            asking
        }

        async fn ask_all(&self, items: impl IntoIterator<Item = u32>) -> Vec<JoinHandle<Vec<u32>>> {
            let mut asking = Vec::new();
            for item in items {
                asking.push(self.ask(item).await);
            }
            asking
        }
    }

    async fn told(asking: impl IntoIterator<Item = JoinHandle<Vec<u32>>>) -> Vec<Vec<u32>> {
        let told = join_all(asking).await;
        told.into_iter().map(Result::unwrap).collect()
    }

    #[tokio::test]
    async fn what_comes_during_a_batch_goes_with_the_next_one() {
        let slow = Slow::new();
        let asking = slow.ask_all([1, 2, 3, 4]).await;
        slow.may.add_permits(2);
        let together = vec![2, 3, 4];
        assert_eq!(
            told(asking).await,
            [vec![1], together.clone(), together.clone(), together]
        );
    }

    #[tokio::test]
    async fn what_comes_at_the_same_moment_goes_together() {
        let slow = Slow::new();
        let asking = [1, 2, 3].map(|item| slow.will_ask(item));
        slow.may.add_permits(1);
        assert_eq!(told(asking).await, [[1, 2, 3], [1, 2, 3], [1, 2, 3]]);
    }

    #[tokio::test]
    async fn a_batch_has_a_most() {
        let slow = Slow::new();
        let most = u32::try_from(MOST).unwrap();
        let asking = slow.ask_all(0..=most + 1).await;
        slow.may.add_permits(3);
        let sizes: Vec<_> = told(asking).await.iter().map(Vec::len).collect();
        assert_eq!(sizes[0], 1);
        assert_eq!(sizes[1..=MOST], [MOST; MOST]);
        assert_eq!(sizes[MOST + 1], 1);
    }

    #[tokio::test]
    async fn what_is_given_up_before_its_batch_began_is_not_done() {
        let slow = Slow::new();
        let mut asking = slow.ask_all([1, 2, 3]).await;
        let given_up = asking.remove(1);
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
        slow.may.add_permits(2);
        assert_eq!(told(asking).await, [[1], [3]]);
    }

    #[tokio::test]
    async fn a_batch_that_is_given_up_holds_nobody_up() {
        let slow = Slow::new();
        let mut asking = slow.ask_all([1, 2]).await;
        let given_up = asking.remove(0);
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
        slow.may.add_permits(1);
        assert_eq!(told(asking).await, [[2]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_hangs_holds_up_only_itself() {
        let slow = Slow::new();
        let hanging = slow.ask(1).await;
        let next = slow.ask(2).await;
        tokio::time::sleep(TURN + Duration::from_millis(1)).await;
        slow.may.add_permits(2);
        assert_eq!(told([hanging, next]).await, [[1], [2]]);
    }
}
