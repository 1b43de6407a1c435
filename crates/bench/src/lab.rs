//! The fleet that is measured, and what is known of its processes.

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
use service::kept::WROTE;
use testkit::{Fleet, FleetSettings, Processors, session_cookie, usage};
use tokio::time::sleep;

use crate::BenchSettings;
use crate::load::{Connection, Pace, drive};
use crate::step::{Computed, Step, since};
use crate::work::Work;

/// How long all that follows from a load may take: 20,000 orders that end at once are cancelled for minutes.
const CONSEQUENCES: Duration = Duration::from_mins(10);

/// How often it is looked whether that is over.
const LOOK: Duration = Duration::from_millis(25);

/// Where services keep events until they are published.
const OUTBOXES: [(&str, &str); 3] = [
    ("tickets", "tickets"),
    ("orders", "orders"),
    ("payments", "payments"),
];

/// The name under which the time of the load itself is counted.
pub(crate) const LOAD: &str = "load";

/// The database's, the broker's and the queue's processes.
pub(crate) const SERVERS: [&str; 3] = ["mongo", "nats", "redis"];

/// Somebody who is signed in.
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

/// A fleet of its own, and how it is measured.
pub(crate) struct Lab {
    fleet: Fleet,
    pub(crate) settings: BenchSettings,
    pub(crate) processors: Processors,
    mongo: Client,
    pub(crate) broker: jetstream::Context,
    /// What each process held when all were ready, in KiB.
    pub(crate) idle: Vec<(String, u64)>,
}

impl Lab {
    /// Starts a fleet.
    pub(crate) async fn open(settings: BenchSettings) -> Result<Self> {
        allow_many_connections()?;
        let processors = Processors::divide().await;
        let processors = processors.context("dividing the processors")?;
        let fleet = Fleet::start(FleetSettings {
            release: settings.release,
            runner: settings.runner.clone(),
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
        lab.idle = lab.resident();
        for (_, pid) in lab.processes() {
            usage::begin_use(pid);
        }
        Ok(lab)
    }

    /// Ends the fleet; what ended before, or not in order.
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

    /// Says what is being done.
    pub(crate) fn step(&self, text: &str) {
        self.settings.progress.step(text);
    }

    /// Where a service listens.
    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        self.fleet.service(service)[0].address()
    }

    /// Somebody new, signed in.
    pub(crate) fn shopper(&self) -> Shopper {
        let id = service::mongo::new_id();
        let session = session_cookie(self.fleet.jwt_key(), id, &format!("{id}@example.com"));
        Shopper {
            id: ObjectId::from_bytes(id.bytes()),
            cookie: format!("session={session}"),
        }
    }

    /// A collection of a service's.
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

    /// How long each process has computed, this one with the load among them.
    pub(crate) fn computed(&self) -> Computed {
        let load = (LOAD.to_owned(), std::process::id());
        let known = |(name, pid)| Some((name, usage::cpu_time(pid)?));
        self.processes().chain([load]).filter_map(known).collect()
    }

    /// How much memory each process holds, in KiB.
    pub(crate) fn resident(&self) -> Vec<(String, u64)> {
        let known = |(name, pid)| Some((name, usage::resident(pid)?));
        self.processes().filter_map(known).collect()
    }

    /// How much of that each process used since all were ready, in KiB.
    pub(crate) fn used(&self) -> Vec<(String, u64)> {
        let known = |(name, pid)| Some((name, usage::used(pid)?));
        self.processes().filter_map(known).collect()
    }

    /// How much memory a service holds, in KiB.
    pub(crate) fn resident_of(&self, service: &str) -> Option<u64> {
        usage::resident(self.fleet.service(service)[0].pid()?)
    }

    /// Asks for so long, waits for what follows from it, and counts what all of that cost.
    pub(crate) async fn run(
        &self,
        work: &Arc<dyn Work>,
        pace: Pace,
        time: Duration,
    ) -> Result<Step> {
        let before = self.computed();
        let begun = Instant::now();
        let mut step = drive(work, pace, time).await?;
        if work.has_consequences() {
            self.settle().await?;
            step.time = begun.elapsed();
        }
        step.computed = since(&before, &self.computed());
        Ok(step)
    }

    /// What is answered.
    pub(crate) async fn answer_to(&self, work: &dyn Work) -> Result<Response<Bytes>> {
        let request = work.request().context("nothing is asked")?;
        let answer = Connection::to(work.address()).exchange(request).await?;
        ensure!(work.is_good(&answer), "answered {answer:?}");
        Ok(answer)
    }

    /// Waits until every event that is known of is published, and handled by everybody.
    pub(crate) async fn settle(&self) -> Result<()> {
        let deadline = Instant::now() + CONSEQUENCES;
        let mut last = None;
        loop {
            let now = self.at_rest().await?;
            // Between a look at one place and at the next an event may have moved from the second to the first.
            if now.is_some() && now == last {
                return Ok(());
            }
            last = now;
            ensure!(
                Instant::now() < deadline,
                "events are still on their way after {CONSEQUENCES:?}"
            );
            sleep(LOOK).await;
        }
    }

    /// The end of the stream, if nothing is on its way.
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

    /// How many events a durable consumer has still to handle.
    pub(crate) async fn left_for(&self, group: &str) -> Result<u64> {
        let stream = self.broker.get_stream(STREAM).await?;
        let consumer = stream.consumer_info(group).await?;
        Ok(consumer.num_pending + consumer.num_ack_pending as u64)
    }
}

/// The fleet's event stream.
const STREAM: &str = "ticketing";

/// Each viewer is a connection, here and in the fleet, which has its limits from us.
fn allow_many_connections() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}
