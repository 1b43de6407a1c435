//! The queue of jobs in Redis, one for each order whose time is running.
//!
//! Storing, fetching, heartbeats, orphans and acknowledgement are apalis's. Four things it does not do in a way
//! that survives load, and they are done here, most by a short script on its keys:
//!
//! - It makes all jobs that are due available at once, in one call with as many arguments, and Redis allows a script
//!   some 8,000: a longer backlog would kill every worker that looks at it. [`JobQueue::promote_due`] does the
//!   same ahead of it, in bounded steps.
//! - Its vacuum reads the data of all jobs, deletes those that wait for another try, and keeps the ids of those
//!   that are done for ever. [`JobQueue::forget_ended`] takes ended jobs only, a bounded number at a time.
//! - It may lose sight of a job, without a word, when workers take each other for dead on a machine that is too slow for
//!   their heartbeats. So when each order's time is over is also noted beside it ([`JobQueue::overdue`]), and what nobody
//!   told of in time is told of from there.
//! - What a worker held when it broke waits until its heartbeat is missed. [`JobQueue::give_back`] does not wait,
//!   since a process knows of its own workers that they have ended.

pub mod board;
mod checkpoint;
mod config;
mod queued;

use std::sync::LazyLock;
use std::time::Duration;

use apalis::prelude::{Task, TaskBuilder, TaskId, TaskSink, TaskSinkError, WorkerContext};
use apalis_redis::RedisStorage;
use base::Clock;
use common::events::ExpirationState;
use common::id::kind;
use common::{Id, Timestamp};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError, Script};
use telemetry::TraceContext;
use tracing::Instrument;

pub use checkpoint::Checkpoint;
pub use config::{InvalidRedisAddress, RedisAddress, RedisConfig};
pub(crate) use queued::QueuedJob;

/// A job is the event that it ends in.
pub type Job = ExpirationState;

/// How many jobs one call to Redis adds, moves or forgets.
const STEP: usize = 500;

/// How much earlier than their second jobs are made available. The worker waits for the moment itself, so that
/// none is late by a fraction of a second and by the worker's next look.
const LEAD: Duration = Duration::from_secs(1);

/// A worker that was not heard of for as long as four of these is taken for dead, and another takes its jobs over.
const HEARTBEAT: Duration = Duration::from_millis(500);
const MISSED_HEARTBEATS: usize = 4;

/// How many overdue jobs are looked at at once.
const STRAGGLERS: isize = 100;

/// How many jobs a worker takes at once.
const BATCH: usize = 250;

static NOTE_DEADLINES: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("queue/lua/note_deadlines.lua")));
static PROMOTE_DUE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("queue/lua/promote_due.lua")));
static FORGET_ENDED: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("queue/lua/forget_ended.lua")));
static GIVE_BACK: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("queue/lua/give_back.lua")));

/// Redis did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// A command failed.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// A job could not be stored.
    #[error("Redis: {0}")]
    Store(#[from] TaskSinkError<apalis_redis::Error>),
}

/// The jobs. Clones share a connection.
#[derive(Debug, Clone)]
pub struct JobQueue {
    connection: ConnectionManager,
    config: apalis_redis::Config,
    /// The sorted set of orders by when their time is over, in milliseconds since 1970.
    deadlines: String,
    /// The key of the [`Checkpoint`].
    checkpoint: String,
    clock: Clock,
}

impl JobQueue {
    /// The queue at this address; nothing is sent there yet.
    pub fn open(config: &RedisConfig, clock: Clock) -> Result<Self, QueueError> {
        let connection = config.address.connection()?;
        let deadlines = format!("{}:deadlines", config.namespace);
        let checkpoint = format!("{}:checkpoint", config.namespace);
        let config = apalis_redis::Config::default()
            .queue(&config.namespace)
            .batch_size(BATCH)
            .heartbeat_interval(HEARTBEAT)
            .missed_heartbeats(MISSED_HEARTBEATS)
            // A lock searches the list of available jobs for each job, and fetching has taken it out already.
            .lock_tasks(false)
            .emit_events(false)
            // Without results nothing is ever acknowledged.
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

    /// Adds a job for each of these, unless there is one for the order already. Returns once Redis has them. The jobs
    /// remember the trace that the caller is in.
    pub async fn schedule(&self, jobs: &[Job]) -> Result<(), QueueError> {
        self.add(jobs).instrument(queued::scheduling()).await
    }

    async fn add(&self, jobs: &[Job]) -> Result<(), QueueError> {
        let cause = TraceContext::current();
        for step in jobs.chunks(STEP) {
            self.note_deadlines(step).await?;
            let tasks: Vec<_> = step.iter().map(|job| task(job, cause.as_ref())).collect();
            let mut storage = self.storage();
            storage.push_all(futures::stream::iter(tasks)).await?;
            if step.iter().any(|job| job.expires_at <= self.horizon()) {
                // Overdue jobs must not pile up between two steps of the regular promotion.
                self.promote_due().await?;
            }
        }
        Ok(())
    }

    /// Notes the deadlines of these, if they have no job yet. What is overdue there expires whatever has become of its
    /// job.
    async fn note_deadlines(&self, jobs: &[Job]) -> Result<(), QueueError> {
        let mut call = NOTE_DEADLINES.key(&self.deadlines);
        call.key(self.config.job_data_hash());
        for job in jobs {
            call.arg(job_id(job.order_id))
                .arg(job.order_id.to_string())
                .arg(job.expires_at.milliseconds());
        }
        let mut connection = self.connection.clone();
        Ok(call.invoke_async(&mut connection).await?)
    }

    /// The first few that were to be told of before this moment and were not.
    pub async fn overdue(&self, since: Timestamp) -> Result<Vec<Job>, QueueError> {
        let mut connection = self.connection.clone();
        let until = since.milliseconds();
        let overdue: Vec<(String, i64)> = connection
            .zrangebyscore_limit_withscores(&self.deadlines, "-inf", until, 0, STRAGGLERS)
            .await?;
        let jobs = overdue.into_iter().filter_map(|(order, deadline)| {
            Some(Job {
                order_id: order.parse().ok()?,
                expires_at: Timestamp::from_milliseconds(deadline),
            })
        });
        Ok(jobs.collect())
    }

    /// Takes note that this was told of.
    pub async fn told(&self, job: &Job) -> Result<(), QueueError> {
        let mut connection = self.connection.clone();
        let order = job.order_id.to_string();
        let () = connection.zrem(&self.deadlines, order).await?;
        Ok(())
    }

    /// Makes the jobs available that are due or nearly so.
    pub async fn promote_due(&self) -> Result<(), QueueError> {
        let mut call = PROMOTE_DUE.key(self.config.scheduled_jobs_set());
        call.key(self.config.active_jobs_list())
            .arg(whole_seconds(self.horizon()))
            .arg(STEP);
        self.all_steps(&call).await?;
        Ok(())
    }

    /// Forgets jobs that are done.
    pub async fn forget_done(&self) -> Result<(), QueueError> {
        self.forget_ended(self.config.done_jobs_set()).await?;
        Ok(())
    }

    /// Forgets jobs that apalis has given up; returns how many that were. The deadlines of their orders are still noted.
    pub async fn forget_given_up(&self) -> Result<usize, QueueError> {
        self.forget_ended(self.config.dead_jobs_set()).await
    }

    async fn forget_ended(&self, ended: String) -> Result<usize, QueueError> {
        let mut call = FORGET_ENDED.key(ended);
        call.key(self.config.job_data_hash())
            .arg(self.config.job_meta_hash())
            .arg(STEP);
        self.all_steps(&call).await
    }

    /// Makes the jobs available again that a worker held when it ended; gives how many that were.
    pub async fn give_back(&self, worker: &WorkerContext) -> Result<usize, QueueError> {
        let mut connection = self.connection.clone();
        let held = GIVE_BACK
            .key(self.config.inflight_set_for(worker))
            .key(self.config.active_jobs_list())
            .key(self.config.workers_set())
            .key(self.config.worker_metadata_key(worker))
            .arg(worker.name())
            .invoke_async(&mut connection)
            .await?;
        Ok(held)
    }

    /// How many orders are still to be told of.
    pub async fn untold(&self) -> Result<usize, QueueError> {
        let mut connection = self.connection.clone();
        Ok(connection.zcard(&self.deadlines).await?)
    }

    /// How many jobs there are, in whatever state.
    pub async fn count(&self) -> Result<usize, QueueError> {
        let mut connection = self.connection.clone();
        let mut count = redis::cmd("HLEN");
        count.arg(self.config.job_data_hash());
        Ok(count.query_async(&mut connection).await?)
    }

    /// The jobs as apalis's workers take them.
    pub(crate) fn storage(&self) -> RedisStorage<QueuedJob> {
        RedisStorage::new(self.connection.clone()).with_config(self.config.clone())
    }

    /// Until when jobs are made available.
    fn horizon(&self) -> common::Timestamp {
        self.clock.now().plus(LEAD)
    }

    /// Calls the script until it finds less than a full step; gives the sum.
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

/// The job as apalis has it. Its id is the order's, so that a second one is the same job.
fn task(job: &Job, cause: Option<&TraceContext>) -> Task<QueuedJob> {
    TaskBuilder::new(QueuedJob::new(*job, cause.cloned()))
        .task_id(TaskId::from_string(job_id(job.order_id)))
        .run_at_timestamp(whole_seconds(job.expires_at))
        .build()
}

fn job_id(order: Id<kind::Order>) -> String {
    format!("order-{order}")
}

/// Whole seconds since 1970, which is all that apalis keeps of a time. Cut off, not rounded: a job is available
/// early rather than late, and the worker waits.
fn whole_seconds(moment: common::Timestamp) -> u64 {
    u64::try_from(moment.milliseconds().div_euclid(1_000)).unwrap_or(0)
}
