//! The broker: keeps what is published, and delivers it to every queue group at least once, in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::simulation::Process;
use common::{Event, Subject};
use messaging::{BrokerError, Outgoing, Publisher};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::release::Release;

/// How often in a hundred the broker is away, and how often its answer gets lost.
const MISFORTUNE: u64 = 5;

/// How often in a hundred the broker has forgotten that it has a message already.
const FORGOTTEN: u64 = 10;

/// The stream, as one process reaches it.
#[derive(Clone)]
pub(crate) struct Stream {
    kept: Arc<Mutex<ResponseCache>>,
    process: Process,
    /// The subjects that the process's release publishes.
    subjects: Arc<[Subject]>,
}

struct ResponseCache {
    ids: BTreeSet<String>,
    events: Vec<Event>,
    /// What was told of an entity, by subject and version; one version is one state.
    told: BTreeMap<(String, String, u64), Event>,
    contradictions: Vec<String>,
    published: UnboundedSender<Event>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

impl Stream {
    /// An empty stream, and its messages as they come.
    pub(crate) fn new(process: Process) -> (Self, UnboundedReceiver<Event>) {
        let (published, events) = unbounded_channel();
        let kept = ResponseCache {
            ids: BTreeSet::new(),
            events: Vec::new(),
            told: BTreeMap::new(),
            contradictions: Vec::new(),
            published,
        };
        let kept = Arc::new(Mutex::new(kept));
        let stream = Self {
            kept,
            process,
            subjects: Subject::ALL.into(),
        };
        (stream, events)
    }

    /// The same stream, as another process reaches it, whose release knows these subjects.
    pub(crate) fn reached_by(&self, process: Process, release: Release) -> Self {
        let subjects = Subject::ALL.into_iter();
        Self {
            kept: Arc::clone(&self.kept),
            process,
            subjects: subjects.filter(|subject| release.knows(*subject)).collect(),
        }
    }

    /// Everything that was published.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// Where two messages told differently of one version of something.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        self.lock().contradictions.clone()
    }

    fn lock(&self) -> MutexGuard<'_, ResponseCache> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResponseCache {
    fn add(&mut self, event: Event) {
        let version = event.version().unwrap_or(0);
        let subject = event.subject().to_string();
        let entity = event.entity_id();
        let told = self.told.entry((entity, subject, version));
        let told = told.or_insert_with(|| event.clone());
        if *told != event {
            let contradiction = format!("{told:?} and {event:?}");
            self.contradictions.push(contradiction);
        }
        self.events.push(event.clone());
        // Nobody listens any more when the schedule is over.
        let _ = self.published.send(event);
    }
}

impl Publisher for Stream {
    fn publishes(&self) -> &[Subject] {
        &self.subjects
    }

    async fn publish(&self, message: &Outgoing) -> Result<(), BrokerError> {
        if !self.subjects.contains(&message.subject) {
            return Err(BrokerError::UndeclaredSubject(message.subject));
        }
        self.process.step().await;
        let world = self.process.world();
        if world.percent(MISFORTUNE) {
            return Err(BrokerError::Timeout);
        }
        let forgotten = world.percent(FORGOTTEN);
        let event = Event::from_json(message.subject, message.body.as_bytes());
        let event = event.expect("what we publish is readable");
        {
            let mut kept = self.lock();
            if kept.ids.insert(message.id.clone()) || forgotten {
                kept.add(event);
            }
        }
        self.process.step().await;
        if world.percent(MISFORTUNE) {
            return Err(BrokerError::Timeout);
        }
        Ok(())
    }
}
