//! Tests of the response cache.

use std::sync::atomic::AtomicU32;

use futures::future::join_all;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::advance;

use super::*;

type Numbers = ResponseCache<u32, u32>;

async fn read(cache: &Numbers, freshness: Freshness, found: u32) -> u32 {
    let read = cache.read(7, freshness, || async { Ok(found) });
    read.await.unwrap()
}

/// A database whose answer to a query is the query's number, once the query may end.
#[derive(Clone)]
struct Slow {
    cache: Numbers,
    begun: Arc<AtomicU32>,
    may_end: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self {
            cache: Numbers::until(Changes::default()),
            begun: Arc::default(),
            may_end: Arc::new(Semaphore::new(0)),
        }
    }

    async fn query(&self) -> Result<u32, StoreError> {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.may_end.acquire().await.unwrap().forget();
        Ok(number)
    }

    /// Starts a read that must see everything; it has begun its query or waits for one when this returns.
    async fn read(&self, question: u32) -> JoinHandle<u32> {
        let slow = self.clone();
        let reading = tokio::spawn(async move {
            let read = slow.cache.read(question, Freshness::Now, || slow.query());
            read.await.unwrap()
        });
        yield_now().await;
        reading
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_served_until_something_changes() {
    let changes = Changes::default();
    let cache = Numbers::until(changes.clone());
    assert_eq!(read(&cache, Freshness::Recent, 1).await, 1);
    assert_eq!(read(&cache, Freshness::Recent, 2).await, 1);
    changes.note();
    assert_eq!(read(&cache, Freshness::Recent, 3).await, 3);
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_older_than_a_second() {
    let cache = Numbers::until(Changes::default());
    read(&cache, Freshness::Recent, 1).await;
    advance(MAX_AGE).await;
    assert_eq!(read(&cache, Freshness::Recent, 2).await, 1);
    advance(Duration::from_millis(1)).await;
    assert_eq!(read(&cache, Freshness::Recent, 3).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_must_see_everything_queries_the_database_and_refreshes_the_cache() {
    let cache = Numbers::until(Changes::default());
    read(&cache, Freshness::Recent, 1).await;
    assert_eq!(read(&cache, Freshness::Now, 2).await, 2);
    assert_eq!(read(&cache, Freshness::Recent, 3).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_change_is_not_served_after_it() {
    let changes = Changes::default();
    let cache = Numbers::until(changes.clone());
    let (go_on, wait) = oneshot::channel();
    let reading = {
        let cache = cache.clone();
        let query = || async { Ok(wait.await.unwrap()) };
        tokio::spawn(async move { cache.read(7, Freshness::Recent, query).await })
    };
    yield_now().await;
    drop(changes.note_on_drop());
    go_on.send(1).unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), 1);
    assert_eq!(read(&cache, Freshness::Recent, 2).await, 2);
}

#[tokio::test]
async fn reads_during_a_query_share_the_next_one() {
    let slow = Slow::new();
    let first = slow.read(7).await;
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(slow.read(7).await);
    }
    assert_eq!(slow.begun.load(Ordering::SeqCst), 1);
    slow.may_end.add_permits(2);
    assert_eq!(first.await.unwrap(), 1);
    for answer in join_all(others).await {
        assert_eq!(answer.unwrap(), 2);
    }
}

#[tokio::test]
async fn different_questions_do_not_wait_for_each_other() {
    let slow = Slow::new();
    let reading = [slow.read(7).await, slow.read(8).await];
    assert_eq!(slow.begun.load(Ordering::SeqCst), 2);
    slow.may_end.add_permits(2);
    for answer in join_all(reading).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn an_abandoned_query_blocks_nobody() {
    let slow = Slow::new();
    let abandoned = slow.read(7).await;
    let waiting = slow.read(7).await;
    abandoned.abort();
    assert!(abandoned.await.unwrap_err().is_cancelled());
    slow.may_end.add_permits(1);
    assert_eq!(waiting.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_cached_answers_is_limited() {
    let cache = ResponseCache::<usize, usize>::until(Changes::default());
    for number in 0..10 * CAPACITY {
        let read = cache.read(number, Freshness::Recent, || async { Ok(number) });
        assert_eq!(read.await.unwrap(), number);
    }
    assert!(cache.0.slots.len() <= CAPACITY, "{}", cache.0.slots.len());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_cached() {
    let cache = Numbers::until(Changes::default());
    let failing = || async { Err(mongodb::error::Error::custom("on purpose").into()) };
    let failed = cache.read(7, Freshness::Recent, failing).await;
    assert!(failed.is_err());
    assert_eq!(read(&cache, Freshness::Recent, 2).await, 2);
}

#[tokio::test(start_paused = true)]
async fn reads_that_waited_for_the_same_query_share_its_failure() {
    let cache = Numbers::until(Changes::default());
    let (begun, failing) = (AtomicU32::new(0), || async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Err(mongodb::error::Error::custom("on purpose").into())
    });
    let reads = (0..20).map(|_| {
        cache.read(7, Freshness::Recent, || {
            begun.fetch_add(1, Ordering::SeqCst);
            failing()
        })
    });
    for result in join_all(reads).await {
        assert!(result.is_err());
    }
    assert_eq!(begun.load(Ordering::SeqCst), 2);
}
