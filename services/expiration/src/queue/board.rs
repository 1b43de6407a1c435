//! A read-only view of the queue: counts, and a page of the pending orders, most urgent first.
//!
//! Every query is bounded in size for any backlog. apalis's own listing does not include scheduled jobs.

use std::time::Duration;

use common::id::kind;
use common::{Id, Timestamp};
use redis::Pipeline;
use serde::Serialize;

use super::{JobQueue, QueueError, job_id};

/// The maximum number of orders on a page.
pub const PAGE: usize = 100;

/// The maximum number of workers on the board. Each process has one.
const WORKERS: isize = 50;

/// How long after its expiry an order counts as overdue.
const OVERDUE: Duration = Duration::from_secs(2);

/// A snapshot of the queue. It takes two queries, so it may be slightly inconsistent.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// The time of the snapshot.
    pub at: Timestamp,
    /// The numbers of orders and jobs.
    pub counts: Counts,
    /// The workers.
    pub workers: Vec<WorkerLoad>,
    /// A page of the pending orders, by expiry.
    pub orders: Vec<PendingOrder>,
    /// The number of the page, from 1.
    pub page: usize,
    /// Whether there is another page.
    pub has_more: bool,
}

/// The numbers of orders and jobs by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Orders that have not expired.
    pub waiting: usize,
    /// Orders that expired within the last two seconds.
    pub due: usize,
    /// Orders that expired earlier. There should be none.
    pub overdue: usize,
    /// Jobs that are not due.
    pub scheduled: usize,
    /// Jobs that are ready for a worker.
    pub available: usize,
    /// Jobs that a worker has fetched.
    pub held: usize,
    /// Finished jobs that will be deleted.
    pub done: usize,
    /// Jobs that were given up. The deadlines of their orders stay recorded.
    pub given_up: usize,
}

/// The load of a worker.
#[derive(Debug, Clone, Serialize)]
pub struct WorkerLoad {
    /// Its name.
    pub name: String,
    /// The number of jobs that it has fetched.
    pub held: usize,
}

/// An order whose expiration has not been published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingOrder {
    /// The order.
    pub order_id: Id<kind::Order>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Whether it is due.
    pub state: Urgency,
    /// The state of its job.
    pub job: JobState,
    /// The worker that holds the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
}

/// Whether an order is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// It has not expired.
    Waiting,
    /// It expired within the last two seconds.
    Due,
    /// It expired earlier.
    Overdue,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It is not due.
    Scheduled,
    /// It is ready for a worker.
    Available,
    /// A worker holds it.
    Running,
    /// It was lost or given up. The order expires nevertheless.
    Missing,
}

impl JobQueue {
    /// Reads a page of the board, from 1.
    pub async fn board(&self, page: usize) -> Result<Board, QueueError> {
        let skip = page.saturating_sub(1).saturating_mul(PAGE);
        let at = self.clock.now();
        let (counts, workers, mut deadlines) = self.overview(at, skip).await?;
        let has_more = deadlines.len() > PAGE;
        deadlines.truncate(PAGE);
        let (workers, orders) = self.details(at, workers, &deadlines).await?;
        let held = workers.iter().map(|worker| worker.held).sum();
        Ok(Board {
            at,
            counts: Counts { held, ..counts },
            workers,
            orders,
            page,
            has_more,
        })
    }

    /// Looks up one order; `None` if it is not pending.
    pub async fn pending_order(
        &self,
        order: Id<kind::Order>,
    ) -> Result<Option<PendingOrder>, QueueError> {
        let mut connection = self.connection.clone();
        let at = self.clock.now();
        let (deadline, workers): (Option<i64>, Vec<String>) = redis::pipe()
            .zscore(&self.deadlines, order.to_string())
            .zrange(self.config.workers_set(), 0, WORKERS - 1)
            .query_async(&mut connection)
            .await?;
        let Some(deadline) = deadline else {
            return Ok(None);
        };
        let deadlines = [(order.to_string(), deadline)];
        let (_, mut orders) = self.details(at, workers, &deadlines).await?;
        Ok(orders.pop())
    }

    async fn overview(
        &self,
        at: Timestamp,
        skip: usize,
    ) -> Result<(Counts, Vec<String>, Vec<(String, i64)>), QueueError> {
        let mut connection = self.connection.clone();
        let skip = isize::try_from(skip).unwrap_or(isize::MAX);
        let one_more = PAGE.cast_signed() + 1;
        let overdue = format!("({}", at.minus(OVERDUE).milliseconds());
        let (all, expired, overdue, scheduled, available, done, given_up, workers, deadlines): (
            usize,
            usize,
            usize,
            usize,
            usize,
            usize,
            usize,
            _,
            _,
        ) = redis::pipe()
            .zcard(&self.deadlines)
            .zcount(&self.deadlines, "-inf", at.milliseconds())
            .zcount(&self.deadlines, "-inf", overdue)
            .zcard(self.config.scheduled_jobs_set())
            .llen(self.config.active_jobs_list())
            .scard(self.config.done_jobs_set())
            .scard(self.config.dead_jobs_set())
            .zrange(self.config.workers_set(), 0, WORKERS - 1)
            .zrangebyscore_limit_withscores(&self.deadlines, "-inf", "+inf", skip, one_more)
            .query_async(&mut connection)
            .await?;
        let counts = Counts {
            waiting: all.saturating_sub(expired),
            due: expired.saturating_sub(overdue),
            overdue,
            scheduled,
            available,
            held: 0,
            done,
            given_up,
        };
        Ok((counts, workers, deadlines))
    }

    /// The load of each worker, and the state of each of these orders and its job.
    async fn details(
        &self,
        at: Timestamp,
        workers: Vec<String>,
        deadlines: &[(String, i64)],
    ) -> Result<(Vec<WorkerLoad>, Vec<PendingOrder>), QueueError> {
        let jobs: Vec<(Id<kind::Order>, Timestamp)> = deadlines
            .iter()
            .filter_map(|(order, time)| {
                Some((order.parse().ok()?, Timestamp::from_milliseconds(*time)))
            })
            .collect();
        let counts: Vec<usize> = self
            .query_each(&workers, |pipe, worker| {
                pipe.scard(self.inflight_of(worker))
            })
            .await?;
        let scheduled: Vec<Option<i64>> = self
            .query_each(&jobs, |pipe, (order, _)| {
                pipe.zscore(self.config.scheduled_jobs_set(), job_id(*order))
            })
            .await?;
        let stored: Vec<bool> = self
            .query_each(&jobs, |pipe, (order, _)| {
                pipe.hexists(self.config.job_data_hash(), job_id(*order))
            })
            .await?;
        let mut holders: Vec<Option<&str>> = vec![None; jobs.len()];
        for worker in &workers {
            let holds: Vec<bool> = self
                .query_each(&jobs, |pipe, (order, _)| {
                    pipe.sismember(self.inflight_of(worker), job_id(*order))
                })
                .await?;
            let held = holders.iter_mut().zip(holds).filter(|(_, holds)| *holds);
            held.for_each(|(holder, _)| *holder = Some(worker.as_str()));
        }
        let orders = jobs
            .iter()
            .enumerate()
            .map(|(index, (order, expires_at))| PendingOrder {
                order_id: *order,
                expires_at: *expires_at,
                state: urgency(*expires_at, at),
                job: match (holders[index], scheduled[index], stored[index]) {
                    (Some(_), _, _) => JobState::Running,
                    (None, Some(_), _) => JobState::Scheduled,
                    (None, None, true) => JobState::Available,
                    (None, None, false) => JobState::Missing,
                },
                worker: holders[index].map(str::to_owned),
            });
        let orders = orders.collect();
        let workers = workers.into_iter().zip(counts);
        let workers = workers.map(|(name, held)| WorkerLoad { name, held });
        Ok((workers.collect(), orders))
    }

    /// Sends the same command for each item, in one pipeline.
    async fn query_each<T, A: redis::FromRedisValue>(
        &self,
        items: &[T],
        command: impl for<'a> Fn(&'a mut Pipeline, &T) -> &'a mut Pipeline,
    ) -> Result<Vec<A>, QueueError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for item in items {
            command(&mut pipe, item);
        }
        let mut connection = self.connection.clone();
        Ok(pipe.query_async(&mut connection).await?)
    }

    fn inflight_of(&self, worker: &str) -> String {
        format!("{}:{worker}", self.config.inflight_jobs_set())
    }
}

fn urgency(expires_at: Timestamp, at: Timestamp) -> Urgency {
    if expires_at > at {
        Urgency::Waiting
    } else if expires_at.plus(OVERDUE) < at {
        Urgency::Overdue
    } else {
        Urgency::Due
    }
}
