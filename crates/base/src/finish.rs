//! Futures that run to completion even if they are dropped early.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// The future panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("panicked")]
pub struct Panicked;

/// Polls the future in the caller's task. If it is dropped before it completes, a new task runs the rest. This is
/// cheaper than spawning a task for every future, since few are dropped early.
pub fn run_to_completion<F>(future: F) -> RunToCompletion<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    RunToCompletion(Some(Box::pin(future)))
}

/// The future of [`run_to_completion`].
#[must_use = "futures do nothing unless they are polled"]
pub struct RunToCompletion<F>(Option<Pin<Box<F>>>)
where
    F: Future + Send + 'static,
    F::Output: Send;

impl<F> Future for RunToCompletion<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.0.as_mut().expect("not polled after completion");
        // A future that panicked is dropped below, so its state is never observed.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        let output = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(_) => Err(Panicked),
        };
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<F> Drop for RunToCompletion<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn drop(&mut self) {
        let Some(rest) = self.0.take() else {
            return;
        };
        // Without a runtime the process is exiting.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::{Notify, oneshot};
    use tokio::time::timeout;

    use super::*;

    const TIME_LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn an_awaited_future_returns_its_output() {
        assert_eq!(run_to_completion(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_dropped_future_continues_in_a_task() {
        let (resume, (done, completed)) = (Arc::new(Notify::new()), oneshot::channel());
        let resumed = Arc::clone(&resume);
        let future = run_to_completion(async move {
            resumed.notified().await;
            let _ = done.send(());
        });
        assert!(timeout(Duration::ZERO, future).await.is_err());
        resume.notify_one();
        timeout(TIME_LIMIT, completed).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let future = run_to_completion(async { panic!("on purpose") });
        assert_eq!(future.await, Err::<(), _>(Panicked));
    }
}
