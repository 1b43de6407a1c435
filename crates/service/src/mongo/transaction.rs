//! Transactions: a few documents written together or not at all.

use std::time::Duration;

use futures::future::BoxFuture;
use mongodb::ClientSession;
use mongodb::error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use tokio::time::{Instant, sleep};

use super::{Mongo, StoreError};
use crate::backoff::Backoff;

/// How long a transaction that loses against others is tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How one run of a transaction's body ended.
type Outcome<T, E> = Result<Result<T, E>, Error>;

/// Runs `body` in a transaction: commits if it gives `Ok(Ok(_))`, else aborts.
///
/// A transaction that lost against another is tried again from the start, with jitter, as the driver's own helper
/// does without: losers that come back together lose together. `body` gives `Err` for what the database says and
/// `Ok(Err)` for what the domain says; what it borrows is in `context`.
pub async fn in_transaction<C, T, E>(
    mongo: &Mongo,
    context: C,
    mut body: impl for<'s> FnMut(&'s mut ClientSession, &'s C) -> BoxFuture<'s, Outcome<T, E>>,
) -> Result<Result<T, E>, StoreError> {
    let deadline = Instant::now() + PATIENCE;
    let mut delays = Backoff::new(Duration::from_millis(2), Duration::from_millis(100));
    let mut session = mongo.client().start_session().await?;
    loop {
        match run_once(&mut session, &context, &mut body).await {
            Err(error)
                if error.contains_label(TRANSIENT_TRANSACTION_ERROR)
                    && Instant::now() < deadline =>
            {
                sleep(delays.next_delay()).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

async fn run_once<C, T, E>(
    session: &mut ClientSession,
    context: &C,
    body: &mut impl for<'s> FnMut(&'s mut ClientSession, &'s C) -> BoxFuture<'s, Outcome<T, E>>,
) -> Outcome<T, E> {
    session.start_transaction().await?;
    match body(session, context).await {
        Ok(Ok(value)) => {
            commit(session).await?;
            Ok(Ok(value))
        }
        refused => {
            // The body's own failure is the one to tell; an unfinished transaction ends by itself.
            let _ = session.abort_transaction().await;
            refused
        }
    }
}

/// Commits, asking again while the answer does not say whether it worked.
async fn commit(session: &mut ClientSession) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match session.commit_transaction().await {
            Err(error)
                if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                    && Instant::now() < deadline => {}
            result => return result,
        }
    }
}
