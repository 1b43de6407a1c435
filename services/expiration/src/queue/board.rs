//! A look at the queue: how much there is of what, and what becomes of each order's time, the most urgent first.
//!
//! Only reads, of bounded size whatever waits: counts, and a page of the orders whose end was not told of yet. apalis
//! can list its jobs too, but not those that wait for their time.

use std::time::Duration;

use common::id::kind;
use common::{Id, Timestamp};
use redis::Pipeline;
use serde::Serialize;

use super::{JobQueue, QueueError, job_id};

/// The most orders on a page.
pub const PAGE: usize = 100;

/// How many workers are asked what they hold; a process has one.
const WORKERS: isize = 50;

/// From when on an order has lived longer than it may.
const OVERDUE: Duration = Duration::from_secs(2);

/// The queue at a moment. Redis is asked twice, and goes on in between.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// The moment.
    pub at: Timestamp,
    /// How much there is.
    pub counts: Counts,
    /// The workers, and how many jobs each holds.
    pub workers: Vec<WorkerHold>,
    /// A page of the orders whose end was not told of yet, by their time.
    pub orders: Vec<OrderTime>,
    /// The number of the page, from 1.
    pub page: usize,
    /// Whether there are more.
    pub has_more: bool,
}

/// How many there are of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Orders whose time is not over.
    pub waiting: usize,
    /// Orders whose time is over, for no longer than two seconds.
    pub due: usize,
    /// Orders whose time has been over for longer than that. There should be none.
    pub overdue: usize,
    /// Jobs that wait for their time in Redis.
    pub scheduled: usize,
    /// Jobs that wait for a worker.
    pub available: usize,
    /// Jobs that a worker holds: to tell of them, or to wait for their last second.
    pub held: usize,
    /// Jobs that are done and about to be forgotten.
    pub done: usize,
    /// Jobs that were given up. The time of their orders is noted all the same.
    pub given_up: usize,
}

/// What a worker holds.
#[derive(Debug, Clone, Serialize)]
pub struct WorkerHold {
    /// Its name.
    pub name: String,
    /// How many jobs.
    pub held: usize,
}

/// An order whose end was not told of yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderTime {
    /// The order.
    pub order_id: Id<kind::Order>,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// How that stands to now.
    pub state: TimeState,
    /// Where its job is.
    pub job: JobPlace,
    /// The worker that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
}

/// How an order's time stands to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeState {
    /// Not over.
    Waiting,
    /// Just over.
    Due,
    /// Over for longer than it may be.
    Overdue,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobPlace {
    /// It waits for its time.
    Scheduled,
    /// It waits for a worker.
    Available,
    /// A worker holds it.
    Running,
    /// There is none: it was lost or given up, and the order will be told of all the same.
    Missing,
}

impl JobQueue {
    /// A page of the board, from 1.
    pub async fn board(&self, page: usize) -> Result<Board, QueueError> {
        let skip = page.saturating_sub(1).saturating_mul(PAGE);
        let at = self.clock.now();
        let (counts, workers, mut deadlines) = self.overview(at, skip).await?;
        let has_more = deadlines.len() > PAGE;
        deadlines.truncate(PAGE);
        let (workers, orders) = self.places(at, workers, &deadlines).await?;
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

    /// One order on the board, if its end is to be told of and was not.
    pub async fn order_time(
        &self,
        order: Id<kind::Order>,
    ) -> Result<Option<OrderTime>, QueueError> {
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
        let (_, mut orders) = self.places(at, workers, &deadlines).await?;
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
        let (all, over, overdue, scheduled, available, done, given_up, workers, deadlines): (
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
            waiting: all.saturating_sub(over),
            due: over.saturating_sub(overdue),
            overdue,
            scheduled,
            available,
            held: 0,
            done,
            given_up,
        };
        Ok((counts, workers, deadlines))
    }

    /// What each worker holds, and where the job of each of these orders is.
    async fn places(
        &self,
        at: Timestamp,
        workers: Vec<String>,
        deadlines: &[(String, i64)],
    ) -> Result<(Vec<WorkerHold>, Vec<OrderTime>), QueueError> {
        let jobs: Vec<(Id<kind::Order>, Timestamp)> = deadlines
            .iter()
            .filter_map(|(order, time)| {
                Some((order.parse().ok()?, Timestamp::from_milliseconds(*time)))
            })
            .collect();
        let counts: Vec<usize> = self
            .ask(&workers, |pipe, worker| {
                pipe.scard(self.inflight_of(worker))
            })
            .await?;
        let scheduled: Vec<Option<i64>> = self
            .ask(&jobs, |pipe, (order, _)| {
                pipe.zscore(self.config.scheduled_jobs_set(), job_id(*order))
            })
            .await?;
        let stored: Vec<bool> = self
            .ask(&jobs, |pipe, (order, _)| {
                pipe.hexists(self.config.job_data_hash(), job_id(*order))
            })
            .await?;
        let mut holders: Vec<Option<&str>> = vec![None; jobs.len()];
        for worker in &workers {
            let holds: Vec<bool> = self
                .ask(&jobs, |pipe, (order, _)| {
                    pipe.sismember(self.inflight_of(worker), job_id(*order))
                })
                .await?;
            let held = holders.iter_mut().zip(holds).filter(|(_, holds)| *holds);
            held.for_each(|(holder, _)| *holder = Some(worker.as_str()));
        }
        let orders = jobs
            .iter()
            .enumerate()
            .map(|(index, (order, expires_at))| OrderTime {
                order_id: *order,
                expires_at: *expires_at,
                state: time_state(*expires_at, at),
                job: match (holders[index], scheduled[index], stored[index]) {
                    (Some(_), _, _) => JobPlace::Running,
                    (None, Some(_), _) => JobPlace::Scheduled,
                    (None, None, true) => JobPlace::Available,
                    (None, None, false) => JobPlace::Missing,
                },
                worker: holders[index].map(str::to_owned),
            });
        let orders = orders.collect();
        let workers = workers.into_iter().zip(counts);
        let workers = workers.map(|(name, held)| WorkerHold { name, held });
        Ok((workers.collect(), orders))
    }

    /// Asks the same about each of these, in one call.
    async fn ask<T, A: redis::FromRedisValue>(
        &self,
        about: &[T],
        question: impl for<'a> Fn(&'a mut Pipeline, &T) -> &'a mut Pipeline,
    ) -> Result<Vec<A>, QueueError> {
        if about.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for one in about {
            question(&mut pipe, one);
        }
        let mut connection = self.connection.clone();
        Ok(pipe.query_async(&mut connection).await?)
    }

    fn inflight_of(&self, worker: &str) -> String {
        format!("{}:{worker}", self.config.inflight_jobs_set())
    }
}

fn time_state(expires_at: Timestamp, at: Timestamp) -> TimeState {
    if expires_at > at {
        TimeState::Waiting
    } else if expires_at.plus(OVERDUE) < at {
        TimeState::Overdue
    } else {
        TimeState::Due
    }
}
