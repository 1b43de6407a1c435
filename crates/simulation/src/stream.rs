//! The broker: stores what is published and delivers it at least once, in any order.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::{Event, Subject};
use messaging::{BrokerError, Outgoing, Publisher};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::release::Release;
use crate::world::Process;

/// How many requests in a hundred fail, and how many answers in a hundred are lost.
const FAILURE: u64 = 5;

/// How many times in a hundred the broker does not recognise a duplicate.
const FORGOTTEN: u64 = 10;

/// The stream, as one process reaches it.
#[derive(Clone)]
pub(crate) struct Stream {
    stored: Arc<Mutex<Stored>>,
    process: Process,
    /// The subjects that the process's release publishes.
    subjects: Arc<[Subject]>,
}

struct Stored {
    ids: BTreeSet<String>,
    events: Vec<Event>,
    published: UnboundedSender<Event>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

impl Stream {
    /// An empty stream, and a receiver of its events.
    pub(crate) fn new(process: Process) -> (Self, UnboundedReceiver<Event>) {
        let (published, events) = unbounded_channel();
        let stored = Stored {
            ids: BTreeSet::new(),
            events: Vec::new(),
            published,
        };
        let stream = Self {
            stored: Arc::new(Mutex::new(stored)),
            process,
            subjects: Subject::ALL.into(),
        };
        (stream, events)
    }

    /// The same stream for another process, whose release knows these subjects.
    pub(crate) fn reached_by(&self, process: Process, release: Release) -> Self {
        let subjects = Subject::ALL.into_iter();
        Self {
            stored: Arc::clone(&self.stored),
            process,
            subjects: subjects.filter(|subject| release.knows(*subject)).collect(),
        }
    }

    /// Everything that was published.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
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
        if world.percent(FAILURE) {
            return Err(BrokerError::Timeout);
        }
        let is_forgotten = world.percent(FORGOTTEN);
        let event = Event::from_json(message.subject, message.body.as_bytes());
        let event = event.expect("what we publish is readable");
        {
            let mut stored = self.lock();
            if stored.ids.insert(message.id.clone()) || is_forgotten {
                stored.events.push(event.clone());
                // The receiver is gone when the history is over.
                let _ = stored.published.send(event);
            }
        }
        self.process.step().await;
        if world.percent(FAILURE) {
            return Err(BrokerError::Timeout);
        }
        Ok(())
    }
}
