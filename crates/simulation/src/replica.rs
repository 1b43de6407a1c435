//! A replica of a service: a process that runs, dies, and is started again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::Event;
use futures::future::BoxFuture;
use messaging::Failure;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::release::Release;
use crate::world::{Process, World};

/// The longest time until a dead process is restarted, in milliseconds.
const LONGEST_DOWNTIME: u64 = 3_000;

/// A service that was started.
pub(crate) struct Started<S> {
    /// Its routes and its consumer.
    pub(crate) service: S,
    /// Its background work.
    pub(crate) work: Vec<Work>,
}

/// Work that runs until it is cancelled.
pub(crate) type Work = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// A service that handles events.
pub(crate) trait Service: Clone + Send + Sync + 'static {
    /// Handles an event.
    fn handle(&self, event: Event) -> impl Future<Output = Result<(), Failure>> + Send;
}

type Start<S> = Arc<dyn Fn(Process, Release) -> BoxFuture<'static, Started<S>> + Send + Sync>;

/// A replica. Clones share it.
pub(crate) struct Replica<S> {
    name: String,
    release: Release,
    world: World,
    start: Start<S>,
    running: Arc<Mutex<Option<Running<S>>>>,
}

struct Running<S> {
    process: Process,
    service: S,
}

impl<S> Clone for Replica<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            release: self.release,
            world: self.world.clone(),
            start: Arc::clone(&self.start),
            running: Arc::clone(&self.running),
        }
    }
}

impl<S> fmt::Display for Replica<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<S: Service> Replica<S> {
    /// A replica that `start` starts, also after each death.
    pub(crate) fn new(name: String, release: Release, world: &World, start: Start<S>) -> Self {
        Self {
            name,
            release,
            world: world.clone(),
            start,
            running: Arc::default(),
        }
    }

    /// Runs without end: when its process dies, another is started after a while.
    pub(crate) async fn run(self) {
        loop {
            let process = self.world.process();
            let life = async {
                let started = (self.start)(process.clone(), self.release).await;
                self.set(Some(Running {
                    process: process.clone(),
                    service: started.service,
                }));
                let work = started.work.into_iter();
                futures::future::join_all(work.map(|work| work(CancellationToken::new()))).await;
            };
            tokio::select! {
                biased;
                () = process.died() => {}
                () = life => unreachable!("nothing cancels it"),
            }
            self.set(None);
            self.world.note(|| format!("{self} died"));
            sleep(Duration::from_millis(self.world.below(LONGEST_DOWNTIME))).await;
            self.world.note(|| format!("{self} is restarted"));
        }
    }

    /// The service's response; none if it is down or dies before it responds.
    pub(crate) async fn ask<T>(&self, ask: impl AsyncFnOnce(S) -> T) -> Option<T> {
        let (process, service) = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let running = running.as_ref()?;
            (running.process.clone(), running.service.clone())
        };
        tokio::select! {
            biased;
            () = process.died() => None,
            answer = ask(service) => Some(answer),
        }
    }

    /// The result of handling an event; none if it is down or dies before it is done.
    pub(crate) async fn handle(&self, event: Event) -> Option<Result<(), Failure>> {
        let subject = event.subject();
        let knows = self.release.knows(subject);
        self.ask(async |service| {
            if knows {
                service.handle(event).await
            } else {
                Err(Failure::of_another_release(subject))
            }
        })
        .await
    }

    fn set(&self, running: Option<Running<S>>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}
