//! The fleet that is measured, and its processes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::jetstream;
use bson::oid::ObjectId;
use bson::{Document, doc};
use futures::TryStreamExt;
use hyper::Response;
use hyper::body::Bytes;
use mongodb::{Client, Collection};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use testkit::{Fleet, FleetSettings, Processors, session_cookie, usage};
use tokio::time::sleep;
use web::response_cache::WROTE;

use crate::BenchSettings;
use crate::load::{Connection, Pace, drive};
use crate::step::{CpuTimes, Step, since};
use crate::work::Work;

/// Limit for the events that a load causes: cancelling 20,000 orders that expire at once takes minutes.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(10);

/// How often to check whether all events are handled.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Service and collection of each outbox.
const OUTBOXES: [(&str, &str); 3] = [
    ("tickets", "tickets"),
    ("orders", "orders"),
    ("payments", "payments"),
];

/// The name of the load generator among the processes.
pub(crate) const LOAD: &str = "load";

/// The names of the servers among the processes.
pub(crate) const SERVERS: [&str; 3] = ["mongo", "nats", "redis"];

/// A shopper who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Shopper {
    pub(crate) id: ObjectId,
    /// Their `Cookie` header.
    pub(crate) cookie: String,
}

impl Shopper {
    /// The `Cookie` header for two seconds after a write.
    pub(crate) fn just_wrote(&self) -> String {
        format!("{}; {WROTE}=1", self.cookie)
    }
}

/// A fleet and what measures it.
pub(crate) struct Lab {
    fleet: Fleet,
    pub(crate) settings: BenchSettings,
    pub(crate) processors: Processors,
    mongo: Client,
    pub(crate) broker: jetstream::Context,
    /// Each process's working set once all were ready, in KiB.
    pub(crate) idle: Vec<(String, u64)>,
}

impl Lab {
    /// Starts the fleet.
    pub(crate) async fn open(settings: BenchSettings) -> Result<Self> {
        allow_many_connections()?;
        let processors = Processors::divide().await;
        let processors = processors.context("dividing the processors")?;
        let fleet = Fleet::start(FleetSettings {
            release: settings.release,
            progress: settings.progress.clone(),
            ..FleetSettings::default()
        })
        .await?;
        let mongo = Client::with_uri_str(fleet.mongo_uri("bench")).await?;
        let broker = jetstream::new(async_nats::connect(fleet.nats_url()).await?);
        let mut lab = Self {
            fleet,
            settings,
            processors,
            mongo,
            broker,
            idle: Vec::new(),
        };
        lab.settle().await?;
        lab.idle = lab.memory(usage::working_set);
        Ok(lab)
    }

    /// Stops the fleet. Returns the processes that ended earlier or did not stop cleanly.
    pub(crate) async fn close(self) -> Vec<String> {
        let mut faults = self.fleet.unexpected_exits();
        self.mongo.shutdown().immediate(true).await;
        faults.extend(
            self.fleet
                .stop()
                .await
                .err()
                .map(|error| format!("{error:#}")),
        );
        faults
    }

    pub(crate) const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Shows what is being done.
    pub(crate) fn step(&self, text: &str) {
        self.settings.progress.step(text);
    }

    /// The address of a service.
    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        self.fleet.service(service)[0].address()
    }

    /// A new shopper, signed in.
    pub(crate) fn shopper(&self) -> Shopper {
        let id = mongo::new_id();
        let session = session_cookie(self.fleet.jwt_key(), id, &format!("{id}@example.com"));
        Shopper {
            id: ObjectId::from_bytes(id.bytes()),
            cookie: format!("session={session}"),
        }
    }

    /// A collection in a service's database.
    pub(crate) fn collection(&self, service: &str, name: &str) -> Collection<Document> {
        self.mongo.database(service).collection(name)
    }

    /// The names of the services, in the fleet's order.
    pub(crate) fn services(&self) -> impl Iterator<Item = &'static str> {
        self.fleet.services().map(testkit::fleet::Service::name)
    }

    fn processes(&self) -> impl Iterator<Item = (String, u32)> {
        let services = self.fleet.services();
        let services = services.filter_map(|service| Some((service.name(), service.pid()?)));
        let servers = self.fleet.servers();
        let servers = [servers.mongo(), servers.nats(), servers.redis()];
        let servers = SERVERS.into_iter().zip(servers);
        let servers = servers.filter_map(|(name, server)| Some((name, server.pid()?)));
        services
            .chain(servers)
            .map(|(name, pid)| (name.to_owned(), pid))
    }

    /// The CPU time of each process, this one with the load generator included.
    pub(crate) fn cpu_times(&self) -> CpuTimes {
        let load = (LOAD.to_owned(), std::process::id());
        let known = |(name, pid)| Some((name, usage::cpu_time(pid)?));
        self.processes().chain([load]).filter_map(known).collect()
    }

    /// A figure of [`usage`] for each process, in KiB.
    pub(crate) fn memory(&self, measure: fn(u32) -> Option<u64>) -> Vec<(String, u64)> {
        let known = |(name, pid)| Some((name, measure(pid)?));
        self.processes().filter_map(known).collect()
    }

    /// The working set of a service, in KiB.
    pub(crate) fn working_set_of(&self, service: &str) -> Option<u64> {
        usage::working_set(self.fleet.service(service)[0].pid()?)
    }

    /// Applies a load for this long, waits until its events are handled, and measures the CPU time of both.
    pub(crate) async fn run(
        &self,
        work: &Arc<dyn Work>,
        pace: Pace,
        time: Duration,
    ) -> Result<Step> {
        let before = self.cpu_times();
        let started = Instant::now();
        let mut step = drive(work, pace, time).await?;
        if work.causes_events() {
            self.settle().await?;
            step.time = started.elapsed();
        }
        step.cpu_times = since(&before, &self.cpu_times());
        Ok(step)
    }

    /// The response to one request of this work.
    pub(crate) async fn answer_to(&self, work: &dyn Work) -> Result<Response<Bytes>> {
        let request = work.request().context("no request to send")?;
        let answer = Connection::to(work.address()).exchange(request).await?;
        ensure!(work.is_good(&answer), "unexpected response {answer:?}");
        Ok(answer)
    }

    /// Waits until all events are published, and handled by every consumer.
    pub(crate) async fn settle(&self) -> Result<()> {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        let mut last = None;
        loop {
            let now = self.at_rest().await?;
            // An event may move from a place not checked yet to one already checked, so two equal results are needed.
            if now.is_some() && now == last {
                return Ok(());
            }
            last = now;
            ensure!(
                Instant::now() < deadline,
                "events are still pending after {SETTLE_TIMEOUT:?}"
            );
            sleep(POLL_INTERVAL).await;
        }
    }

    /// The last sequence number of the stream, if no event is pending.
    async fn at_rest(&self) -> Result<Option<u64>> {
        for (service, collection) in OUTBOXES {
            let waiting = doc! { "outbox.time": { "$exists": true } };
            let collection = self.collection(service, collection);
            let found = collection.find_one(waiting);
            if found.projection(doc! { "_id": 1 }).await?.is_some() {
                return Ok(None);
            }
        }
        let mut stream = self.broker.get_stream(STREAM).await?;
        let mut consumers = stream.consumers();
        while let Some(consumer) = consumers.try_next().await? {
            if consumer.num_pending > 0 || consumer.num_ack_pending > 0 {
                return Ok(None);
            }
        }
        Ok(Some(stream.info().await?.state.last_sequence))
    }

    /// The number of events that a durable consumer has not handled yet.
    pub(crate) async fn left_for(&self, group: &str) -> Result<u64> {
        let stream = self.broker.get_stream(STREAM).await?;
        let consumer = stream.consumer_info(group).await?;
        Ok(consumer.num_pending + consumer.num_ack_pending as u64)
    }
}

/// The fleet's event stream.
const STREAM: &str = "ticketing";

/// Raises the limit of open files: each viewer is a connection here and in the fleet, which inherits the limit.
fn allow_many_connections() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}
