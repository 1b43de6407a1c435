//! Metrics of the database: operations, events applied to replicas, and the connection pool.

pub(crate) mod catalogue;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use mongodb::event::EventHandler;
use mongodb::event::cmap::{CmapEvent, ConnectionClosedReason};
use telemetry::metrics::{Counter, Counters, Gauge, Histogram, Histograms, Metrics};

use super::StoreError;
use catalogue::{
    DB_CONNECTION_FAILURES, DB_CONNECTION_WAIT, DB_CONNECTIONS, DB_CONNECTIONS_CLOSED,
    DB_CONNECTIONS_CREATED, DB_CONNECTIONS_MAX, DB_OPERATION_DURATION, DB_PENDING_REQUESTS,
    DB_POOL_CLEARED, STALE_EVENTS, VERSION_GAPS,
};

/// The metrics of a collection. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Operations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    collection: String,
    durations: Histograms<3>,
    gaps: Counters<1>,
    stale: Counters<1>,
}

impl Operations {
    /// The metrics of the collection of this name; an empty name means the database itself.
    pub(super) fn on(collection: &str, metrics: &Metrics) -> Self {
        Self(Arc::new(Inner {
            collection: collection.to_owned(),
            durations: metrics.histograms(&DB_OPERATION_DURATION),
            gaps: metrics.counters(&VERSION_GAPS),
            stale: metrics.counters(&STALE_EVENTS),
        }))
    }

    /// Measures an operation. `command` is the command that the server receives.
    pub(super) async fn time<T>(
        &self,
        command: &'static str,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let outcome = operation.await;
        let failure = outcome.as_ref().err().map_or("", StoreError::kind);
        let labels = [command, &self.0.collection, failure];
        self.0.durations.with(labels).observe(start.elapsed());
        outcome
    }

    /// Counts an event that skipped versions.
    pub(super) fn count_gap(&self) {
        self.0.gaps.with([&self.0.collection]).increment();
    }

    /// Counts an event that had no newer version.
    pub(super) fn count_stale(&self) {
        self.0.stale.with([&self.0.collection]).increment();
    }
}

/// The state of the pool, derived from the driver's events.
struct Pool {
    /// The number of open connections, idle or used. The gauges cannot hold it, because the event of a closed
    /// connection does not say whether it was used.
    open: AtomicI64,
    used: AtomicI64,
    pending: AtomicI64,
    created: Counter,
    closed: Counters<1>,
    wait: Histogram,
    failures: Counter,
    cleared: Counter,
}

/// Measures the pool of a client with at most `size` connections.
pub(super) fn pool(metrics: &Metrics, size: u32) -> EventHandler<CmapEvent> {
    let pool = Arc::new(Pool {
        open: AtomicI64::new(0),
        used: AtomicI64::new(0),
        pending: AtomicI64::new(0),
        created: metrics.counter(&DB_CONNECTIONS_CREATED),
        closed: metrics.counters(&DB_CONNECTIONS_CLOSED),
        wait: metrics.histogram(&DB_CONNECTION_WAIT),
        failures: metrics.counter(&DB_CONNECTION_FAILURES),
        cleared: metrics.counter(&DB_POOL_CLEARED),
    });
    metrics.gauge(&DB_CONNECTIONS_MAX).set(f64::from(size));
    let gauges = Gauges {
        idle: metrics.gauges(&DB_CONNECTIONS).with(["idle"]),
        used: metrics.gauges(&DB_CONNECTIONS).with(["used"]),
        pending: metrics.gauge(&DB_PENDING_REQUESTS),
    };
    let scraped = Arc::clone(&pool);
    metrics.on_scrape(move || gauges.update(&scraped));
    EventHandler::callback(move |event| pool.handle(event))
}

impl Pool {
    fn handle(&self, event: CmapEvent) {
        match event {
            CmapEvent::ConnectionCreated(_) => {
                self.open.fetch_add(1, Ordering::Relaxed);
                self.created.increment();
            }
            CmapEvent::ConnectionClosed(event) => {
                self.open.fetch_sub(1, Ordering::Relaxed);
                self.closed.with([label(&event.reason)]).increment();
            }
            CmapEvent::ConnectionCheckoutStarted(_) => {
                self.pending.fetch_add(1, Ordering::Relaxed);
            }
            CmapEvent::ConnectionCheckedOut(event) => {
                self.used.fetch_add(1, Ordering::Relaxed);
                self.waited(event.duration);
            }
            CmapEvent::ConnectionCheckoutFailed(event) => {
                self.failures.increment();
                self.waited(event.duration);
            }
            CmapEvent::ConnectionCheckedIn(_) => {
                self.used.fetch_sub(1, Ordering::Relaxed);
            }
            CmapEvent::PoolCleared(_) => self.cleared.increment(),
            _ => {}
        }
    }

    fn waited(&self, duration: Duration) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
        self.wait.observe(duration);
    }
}

struct Gauges {
    idle: Gauge,
    used: Gauge,
    pending: Gauge,
}

impl Gauges {
    /// The numbers are not read at the same moment, so `saturating_sub` keeps the result from going below zero.
    fn update(&self, pool: &Pool) {
        let read =
            |number: &AtomicI64| usize::try_from(number.load(Ordering::Relaxed)).unwrap_or(0);
        let (open, used) = (read(&pool.open), read(&pool.used));
        self.used.set_number(used);
        self.idle.set_number(open.saturating_sub(used));
        self.pending.set_number(read(&pool.pending));
    }
}

const fn label(reason: &ConnectionClosedReason) -> &'static str {
    match reason {
        ConnectionClosedReason::Stale => "stale",
        ConnectionClosedReason::Idle => "idle",
        ConnectionClosedReason::Error => "error",
        ConnectionClosedReason::Dropped => "dropped",
        ConnectionClosedReason::PoolClosed => "pool_closed",
        _ => "other",
    }
}
