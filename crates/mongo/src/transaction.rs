//! Transactions: a few documents are all written, or none.

use std::time::Duration;

use futures::future::BoxFuture;
use mongodb::ClientSession;
use tokio::time::{Instant, sleep, timeout};

use super::timeouts::within_limit_or_dropped;
use super::trace::traced;
use super::{Database, StoreError};
use crate::metrics::catalogue::DB_TRANSACTION_RETRIES;
use base::backoff::Backoff;

/// How long a transaction that loses against others is tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a commit is repeated whose outcome is unknown: long enough for one more try after one that hung.
const COMMIT_PATIENCE: Duration = Duration::from_secs(8);

/// How long it is tried to abort one that failed, so that nobody waits for what it wrote.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// How one run of a transaction's body ended.
type Outcome<T, E> = Result<Result<T, E>, StoreError>;

/// A transaction under way.
#[derive(Debug)]
pub enum Session {
    /// On the server.
    Server(Box<ClientSession>),
    /// In the simulation's memory.
    #[cfg(feature = "simulation")]
    Memory(super::memory::Transaction),
}

impl Session {
    async fn start(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Server(session) => session.start_transaction().await?,
            #[cfg(feature = "simulation")]
            Self::Memory(transaction) => transaction.start(),
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Server(session) => {
                let committed = within_limit_or_dropped(session.commit_transaction());
                traced("commitTransaction", || None, committed).await?;
            }
            #[cfg(feature = "simulation")]
            Self::Memory(transaction) => transaction.commit().await?,
        }
        Ok(())
    }

    async fn abort(&mut self) {
        match self {
            // One that cannot be aborted ends by itself a few seconds later.
            Self::Server(session) => drop(timeout(ABORT_LIMIT, session.abort_transaction()).await),
            #[cfg(feature = "simulation")]
            Self::Memory(transaction) => transaction.abort(),
        }
    }
}

/// Runs `body` in a transaction: commits if it gives `Ok(Ok(_))`, else aborts.
///
/// After a write conflict the transaction is retried from the start, with jitter, which the driver's own helper lacks:
/// transactions that retry at the same moment conflict again. `body` returns `Err` for a failure of the database and
/// `Ok(Err)` for a refusal by the domain; what it borrows is in `context`.
///
/// A commit whose answer was lost is repeated, and the server says what became of it. If it does not say so in time, the
/// error leaves open whether the transaction took place. And a server that was killed may have forgotten a transaction
/// that took place: `body` then runs again and meets its own writes, which a caller that inserts must expect.
pub async fn in_transaction<C, T, E>(
    database: &Database,
    context: C,
    mut body: impl for<'s> FnMut(&'s mut Session, &'s C) -> BoxFuture<'s, Outcome<T, E>>,
) -> Result<Result<T, E>, StoreError> {
    let deadline = Instant::now() + PATIENCE;
    let mut delays = Backoff::new(Duration::from_millis(2), Duration::from_millis(100));
    let mut session = database.start_session().await?;
    loop {
        match run_once(&mut session, &context, &mut body).await {
            Err(error) if error.is_lost_transaction() && Instant::now() < deadline => {
                database
                    .metrics()
                    .counter(&DB_TRANSACTION_RETRIES)
                    .increment();
                sleep(delays.next_delay()).await;
            }
            outcome => return outcome,
        }
    }
}

async fn run_once<C, T, E>(
    session: &mut Session,
    context: &C,
    body: &mut impl for<'s> FnMut(&'s mut Session, &'s C) -> BoxFuture<'s, Outcome<T, E>>,
) -> Outcome<T, E> {
    session.start().await?;
    match body(session, context).await {
        Ok(Ok(value)) => {
            commit(session).await?;
            Ok(Ok(value))
        }
        refused => {
            // The body's own failure is the one to tell.
            session.abort().await;
            refused
        }
    }
}

/// Commits, and repeats that while the answer does not say whether it worked.
async fn commit(session: &mut Session) -> Result<(), StoreError> {
    let deadline = Instant::now() + COMMIT_PATIENCE;
    let mut delays = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));
    loop {
        match session.commit().await {
            Err(error) if error.is_unknown_commit() && Instant::now() < deadline => {
                sleep(delays.next_delay()).await;
            }
            result => return result,
        }
    }
}
