//! Work that is finished once it was begun, also when nobody waits for it any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// The work panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("panicked")]
pub struct Panicked;

/// Does the work where it is waited for. If it is given up, what is left of it is done in a task of its own, as all of it
/// would be if it were spawned; only whoever waits to the end, as nearly everybody does, pays for no task.
pub fn to_its_end<F>(work: F) -> ToItsEnd<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    ToItsEnd(Some(Box::pin(work)))
}

/// Work that [`to_its_end`] does.
#[must_use = "futures do nothing unless they are polled"]
pub struct ToItsEnd<F>(Option<Pin<Box<F>>>)
where
    F: Future + Send + 'static,
    F::Output: Send;

impl<F> Future for ToItsEnd<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.0.as_mut().expect("it is not polled after its end");
        // Nothing sees the work again that panicked.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(_) => Err(Panicked),
        };
        self.0 = None;
        Poll::Ready(ended)
    }
}

impl<F> Drop for ToItsEnd<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn drop(&mut self) {
        let Some(rest) = self.0.take() else {
            return;
        };
        // Without a runtime the process is at its end, and so is the work.
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

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn what_is_waited_for_gives_its_output() {
        assert_eq!(to_its_end(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_given_up_goes_on_by_itself() {
        let (go_on, (done, ended)) = (Arc::new(Notify::new()), oneshot::channel());
        let wait = Arc::clone(&go_on);
        let work = to_its_end(async move {
            wait.notified().await;
            let _ = done.send(());
        });
        assert!(timeout(Duration::ZERO, work).await.is_err());
        go_on.notify_one();
        timeout(LONG, ended).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let work = to_its_end(async { panic!("on purpose") });
        assert_eq!(work.await, Err::<(), _>(Panicked));
    }
}
