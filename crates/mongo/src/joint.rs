//! Work that several wait for: one of them does it, and the others are woken once it is done.
//!
//! A `Shared` future of the `futures` crate wakes all who wait for it whenever it can go on, which is a few times for each
//! answer of a database, and each of them polls it then.
//!
//! Whoever waits has to be polled until it is told, or be dropped: one that does the work and is held without being polled
//! would hold up the others.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Mutex, OnceCell};

/// Work with an outcome `T`. Clones share it.
pub(crate) struct Joint<T>(Arc<Work<T>>);

struct Work<T> {
    outcome: OnceCell<T>,
    /// What is left to do, locked by the one who does it.
    left: Mutex<BoxFuture<'static, T>>,
}

// Written out because a derive would ask the same of `T`.
impl<T> Clone for Joint<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Joint<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Arc::new(Work {
            outcome: OnceCell::new(),
            left: Mutex::new(work.boxed()),
        }))
    }

    /// What comes of the work. Whoever asks first does it; if that one goes away before it is done, another of those who
    /// wait goes on.
    pub(crate) async fn outcome(&self) -> &T {
        let go_on = async || self.0.left.lock().await.as_mut().await;
        self.0.outcome.get_or_init(go_on).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use futures::future::join_all;
    use futures::poll;
    use tokio::sync::oneshot;

    use super::*;

    /// Work that is done once it is told how it ends.
    fn told() -> (oneshot::Sender<u32>, Joint<u32>) {
        let (tell, told) = oneshot::channel();
        (tell, Joint::new(async { told.await.unwrap() }))
    }

    #[tokio::test]
    async fn everybody_is_told_of_the_outcome() {
        let (tell, joint) = told();
        let waiting = join_all((0..3).map(|_| joint.outcome()));
        tell.send(7).unwrap();
        assert_eq!(waiting.await, [&7, &7, &7]);
        assert_eq!(joint.outcome().await, &7);
    }

    #[tokio::test]
    async fn another_goes_on_with_what_the_first_left() {
        let (tell, joint) = told();
        let mut first = Box::pin(joint.outcome());
        let mut second = pin!(joint.outcome());
        assert_eq!(poll!(&mut first), Poll::Pending);
        assert_eq!(poll!(&mut second), Poll::Pending);
        drop(first);
        assert_eq!(poll!(&mut second), Poll::Pending);
        tell.send(7).unwrap();
        assert_eq!(second.await, &7);
    }

    #[tokio::test]
    async fn who_waits_is_woken_once() {
        let (tell, joint) = told();
        let steps = Joint::new(async move {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            *joint.outcome().await
        });
        let waiting = steps.clone();
        let doing = tokio::spawn(async move { *steps.outcome().await });
        tokio::task::yield_now().await;

        let mut polls = 0;
        let mut waiting = pin!(waiting.outcome());
        let waiting = poll_fn(|context| {
            polls += 1;
            waiting.as_mut().poll(context)
        });
        tell.send(7).unwrap();
        assert_eq!(waiting.await, &7);
        assert_eq!(doing.await.unwrap(), 7);
        // To find that another does it, and to be told.
        assert_eq!(polls, 2);
    }
}
