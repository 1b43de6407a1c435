//! The job queue in Redis, with one job for each open order.
//!
//! apalis stores, fetches and acknowledges jobs, and takes over those of dead workers. Four things that it does not do
//! reliably under load are done here, mostly by short scripts on its keys:
//!
//! - It makes all due jobs available in one call with as many arguments. Redis limits a script to about 8,000, so a
//!   longer backlog would kill every worker. [`JobQueue::promote_due`] does the same before it, in bounded steps.
//! - Its vacuum reads the data of all jobs, deletes those that wait for a retry, and never deletes the ids of finished
//!   ones. [`JobQueue::delete_ended`] deletes only ended jobs, in bounded steps.
//! - It may silently lose a job when workers declare each other dead because a slow machine delays their heartbeats. So
//!   each order's deadline is also recorded separately ([`JobQueue::overdue`]), and expirations that no job has
//!   published in time are published from there.
//! - The jobs of a failed worker wait until its heartbeat is missed. [`JobQueue::release`] returns them at once, since
//!   a process knows when its own workers have ended.

pub mod board;
mod checkpoint;
mod config;
mod queued;

use std::sync::LazyLock;
use std::time::Duration;

use apalis::prelude::{Task, TaskBuilder, TaskId, TaskSink, TaskSinkError, WorkerContext};
use apalis_redis::RedisStorage;
use base::Clock;
use common::id::kind;
use common::{Id, Timestamp};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError, Script};
use telemetry::TraceContext;
use tracing::Instrument;

pub use checkpoint::Checkpoint;
pub use config::{InvalidRedisAddress, RedisAddress, RedisConfig};
pub use queued::Job;
pub(crate) use queued::QueuedJob;

/// How many jobs one call to Redis adds, moves or deletes.
const STEP: usize = 500;

/// How long before the second of its expiry a job becomes available. The worker then waits for the exact time, so that
/// neither rounding nor the polling interval makes an expiration late.
const LEAD: Duration = Duration::from_secs(1);

/// A worker that misses four heartbeats is considered dead, and another worker takes over its jobs.
const HEARTBEAT: Duration = Duration::from_millis(500);
const MISSED_HEARTBEATS: usize = 4;

/// How many overdue orders are read at once.
const OVERDUE_BATCH: isize = 100;

/// How many jobs a worker fetches at once.
const BATCH: usize = 250;

static RECORD_DEADLINES: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("queue/lua/record_deadlines.lua")));
static PROMOTE_DUE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("queue/lua/promote_due.lua")));
static DELETE_ENDED: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("queue/lua/delete_ended.lua")));
static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("queue/lua/release.lua")));

/// A request to Redis failed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// A command failed.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// A job could not be stored.
    #[error("Redis: {0}")]
    Store(#[from] TaskSinkError<apalis_redis::Error>),
}

/// The job queue. Clones share a connection.
#[derive(Debug, Clone)]
pub struct JobQueue {
    connection: ConnectionManager,
    config: apalis_redis::Config,
    /// The key of the sorted set of orders by their expiry, in milliseconds since 1970.
    deadlines: String,
    /// The key of the [`Checkpoint`].
    checkpoint: String,
    clock: Clock,
}

impl JobQueue {
    /// Opens the queue. The connection is established on first use.
    pub fn open(config: &RedisConfig, clock: Clock) -> Result<Self, QueueError> {
        let connection = config.address.connection()?;
        let deadlines = format!("{}:deadlines", config.namespace);
        let checkpoint = format!("{}:checkpoint", config.namespace);
        let config = apalis_redis::Config::default()
            .queue(&config.namespace)
            .batch_size(BATCH)
            .heartbeat_interval(HEARTBEAT)
            .missed_heartbeats(MISSED_HEARTBEATS)
            // Locking searches the list of available jobs for each job, but fetching has already removed it from there.
            .lock_tasks(false)
            .emit_events(false)
            // apalis acknowledges a job only when it stores the result.
            .persist_results(true);
        Ok(Self {
            connection,
            config,
            deadlines,
            checkpoint,
            clock,
        })
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), QueueError> {
        let mut connection = self.connection.clone();
        Ok(redis::cmd("PING").query_async(&mut connection).await?)
    }

    /// Adds these jobs, except for orders that already have one. Returns once Redis has stored them. The jobs are
    /// linked to the caller's trace.
    pub async fn schedule(&self, jobs: &[Job]) -> Result<(), QueueError> {
        self.add(jobs).instrument(queued::schedule_span()).await
    }

    async fn add(&self, jobs: &[Job]) -> Result<(), QueueError> {
        let cause = TraceContext::current();
        for step in jobs.chunks(STEP) {
            self.record_deadlines(step).await?;
            let tasks: Vec<_> = step.iter().map(|job| task(job, cause.as_ref())).collect();
            let mut storage = self.storage();
            storage.push_all(futures::stream::iter(tasks)).await?;
            if step.iter().any(|job| job.expires_at <= self.horizon()) {
                // Due jobs must not pile up until the next regular promotion.
                self.promote_due().await?;
            }
        }
        Ok(())
    }

    /// Records the deadlines of the orders that have no job yet. An order with a recorded deadline expires even if its
    /// job is lost.
    async fn record_deadlines(&self, jobs: &[Job]) -> Result<(), QueueError> {
        let mut call = RECORD_DEADLINES.key(&self.deadlines);
        call.key(self.config.job_data_hash());
        for job in jobs {
            call.arg(job_id(job.order_id))
                .arg(job.order_id.to_string())
                .arg(job.expires_at.milliseconds());
        }
        let mut connection = self.connection.clone();
        Ok(call.invoke_async(&mut connection).await?)
    }

    /// The earliest expirations that were due before `since` and have not been published.
    pub async fn overdue(&self, since: Timestamp) -> Result<Vec<Job>, QueueError> {
        let mut connection = self.connection.clone();
        let until = since.milliseconds();
        let overdue: Vec<(String, i64)> = connection
            .zrangebyscore_limit_withscores(&self.deadlines, "-inf", until, 0, OVERDUE_BATCH)
            .await?;
        let jobs = overdue.into_iter().filter_map(|(order, deadline)| {
            Some(Job {
                order_id: order.parse().ok()?,
                expires_at: Timestamp::from_milliseconds(deadline),
            })
        });
        Ok(jobs.collect())
    }

    /// Records that the expiration has been published.
    pub async fn mark_published(&self, job: &Job) -> Result<(), QueueError> {
        let mut connection = self.connection.clone();
        let order = job.order_id.to_string();
        let () = connection.zrem(&self.deadlines, order).await?;
        Ok(())
    }

    /// Makes the jobs available that are due within the next one to two seconds (Redis has whole seconds).
    pub async fn promote_due(&self) -> Result<(), QueueError> {
        let mut call = PROMOTE_DUE.key(self.config.scheduled_jobs_set());
        call.key(self.config.active_jobs_list())
            .arg(whole_seconds(self.horizon()))
            .arg(STEP);
        self.all_steps(&call).await?;
        Ok(())
    }

    /// Deletes finished jobs.
    pub async fn delete_done(&self) -> Result<(), QueueError> {
        self.delete_ended(self.config.done_jobs_set()).await?;
        Ok(())
    }

    /// Deletes the jobs that apalis has given up, and returns their number. The deadlines of their orders stay
    /// recorded.
    pub async fn delete_given_up(&self) -> Result<usize, QueueError> {
        self.delete_ended(self.config.dead_jobs_set()).await
    }

    async fn delete_ended(&self, ended: String) -> Result<usize, QueueError> {
        let mut call = DELETE_ENDED.key(ended);
        call.key(self.config.job_data_hash())
            .arg(self.config.job_meta_hash())
            .arg(STEP);
        self.all_steps(&call).await
    }

    /// Makes the jobs of a stopped worker available again, and returns their number.
    pub async fn release(&self, worker: &WorkerContext) -> Result<usize, QueueError> {
        let mut connection = self.connection.clone();
        let released = RELEASE
            .key(self.config.inflight_set_for(worker))
            .key(self.config.active_jobs_list())
            .key(self.config.workers_set())
            .key(self.config.worker_metadata_key(worker))
            .arg(worker.name())
            .invoke_async(&mut connection)
            .await?;
        Ok(released)
    }

    /// The number of expirations that have not been published.
    pub async fn pending(&self) -> Result<usize, QueueError> {
        let mut connection = self.connection.clone();
        Ok(connection.zcard(&self.deadlines).await?)
    }

    /// The number of jobs in all states.
    pub async fn count(&self) -> Result<usize, QueueError> {
        let mut connection = self.connection.clone();
        let mut count = redis::cmd("HLEN");
        count.arg(self.config.job_data_hash());
        Ok(count.query_async(&mut connection).await?)
    }

    /// The queue as apalis's workers use it.
    pub(crate) fn storage(&self) -> RedisStorage<QueuedJob> {
        RedisStorage::new(self.connection.clone()).with_config(self.config.clone())
    }

    /// Jobs that expire up to this time are made available.
    fn horizon(&self) -> Timestamp {
        self.clock.now().plus(LEAD)
    }

    /// Calls the script until it processes less than a full step. Returns the sum.
    async fn all_steps(&self, call: &redis::ScriptInvocation<'_>) -> Result<usize, QueueError> {
        let mut connection = self.connection.clone();
        let mut sum = 0;
        loop {
            let done: usize = call.invoke_async(&mut connection).await?;
            sum += done;
            if done < STEP {
                return Ok(sum);
            }
        }
    }
}

/// The job for apalis. Its id is made from the order's id, so an order cannot have two jobs.
fn task(job: &Job, cause: Option<&TraceContext>) -> Task<QueuedJob> {
    TaskBuilder::new(QueuedJob::new(*job, cause.cloned()))
        .task_id(TaskId::from_string(job_id(job.order_id)))
        .run_at_timestamp(whole_seconds(job.expires_at))
        .build()
}

fn job_id(order: Id<kind::Order>) -> String {
    format!("order-{order}")
}

/// Seconds since 1970, the resolution of apalis. Rounded down, so that a job is available early rather than late.
fn whole_seconds(time: Timestamp) -> u64 {
    u64::try_from(time.milliseconds().div_euclid(1_000)).unwrap_or(0)
}
