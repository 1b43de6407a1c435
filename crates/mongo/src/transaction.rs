//! Transactions over a few documents.

use std::time::Duration;

use base::backoff::Backoff;
use futures::future::BoxFuture;
use mongodb::ClientSession;
use tokio::time::{Instant, sleep, timeout};

use super::raw::RawSession;
use super::timeouts::within_limit_or_dropped;
use super::trace::traced;
use super::{Database, StoreError};
use crate::metrics::catalogue::DB_TRANSACTION_RETRIES;

/// How long a transaction is retried that conflicts with others.
const RETRY_LIMIT: Duration = Duration::from_secs(5);

/// How long a commit is repeated whose outcome is unknown: long enough for one more try after one that hung.
const COMMIT_LIMIT: Duration = Duration::from_secs(8);

/// How long an abort may take. It matters because other writers wait for an open transaction.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// How one run of a transaction's body ended.
type Outcome<T, E> = Result<Result<T, E>, StoreError>;

/// A session with an open transaction.
#[derive(Debug)]
pub enum Session {
    /// On the server.
    Server(Box<ClientSession>),
    /// On a database that replaces it.
    Replaced(Box<dyn RawSession>),
}

impl Session {
    async fn start(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Server(session) => session.start_transaction().await?,
            Self::Replaced(session) => session.start(),
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Server(session) => {
                let commit = within_limit_or_dropped(session.commit_transaction());
                traced("commitTransaction", || None, commit).await
            }
            Self::Replaced(session) => session.commit().await,
        }
    }

    async fn abort(&mut self) {
        match self {
            // If the abort fails, the server ends the transaction a few seconds later.
            Self::Server(session) => drop(timeout(ABORT_LIMIT, session.abort_transaction()).await),
            Self::Replaced(session) => session.abort(),
        }
    }
}

/// Runs `body` in a transaction. Commits if it returns `Ok(Ok(_))`, otherwise aborts.
///
/// After a write conflict the transaction is retried from the start, with jitter, which the driver's own helper lacks:
/// transactions that retry at the same moment conflict again. `body` returns `Err` if the database fails and `Ok(Err)`
/// if the domain refuses; it borrows from `context`.
///
/// If the response to a commit is lost, the commit is repeated and the server reports the outcome. If it does not do so
/// in time, the returned error leaves open whether the transaction took place. A server that was killed may have
/// forgotten a transaction that took place. `body` then runs again and finds its own writes, so a caller that inserts
/// must expect duplicate keys.
pub async fn in_transaction<C, T, E>(
    database: &Database,
    context: C,
    mut body: impl for<'s> FnMut(&'s mut Session, &'s C) -> BoxFuture<'s, Outcome<T, E>>,
) -> Result<Result<T, E>, StoreError> {
    let deadline = Instant::now() + RETRY_LIMIT;
    let mut delays = Backoff::new(Duration::from_millis(2), Duration::from_millis(100));
    let mut session = database.start_session().await?;
    loop {
        match run_once(&mut session, &context, &mut body).await {
            Err(error) if error.is_write_conflict() && Instant::now() < deadline => {
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
        failed => {
            session.abort().await;
            failed
        }
    }
}

/// Commits, and repeats the commit while its outcome is unknown.
async fn commit(session: &mut Session) -> Result<(), StoreError> {
    let deadline = Instant::now() + COMMIT_LIMIT;
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
