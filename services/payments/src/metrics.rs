//! Metrics about payments. The store reports each change that it wrote, so every change is counted once.

pub(crate) mod catalogue;

use std::sync::Arc;

use messaging::OutboxCollection;
use mongo::{StoreError, stored_version};
use telemetry::metrics::{Counter, Counters, Gauge, Metrics};

use crate::domain::{DisputeState, Outcome, Payment, STUCK_AFTER, Status};
use catalogue::{
    DISPUTES, PAYMENT_ANOMALIES, PAYMENT_ATTEMPTS, PAYMENT_CHARGED, PAYMENT_DECLINES,
    PAYMENT_REFUNDED, PAYMENTS_POSTPONED, PAYMENTS_STUCK, PAYMENTS_UNFINISHED, REFUNDS,
};

/// The number up to which unfinished payments are counted.
const COUNT_LIMIT: u64 = 10_000;

/// The counters. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct PaymentMetrics(Arc<Instruments>);

#[derive(Debug)]
struct Instruments {
    attempts: Counters<1>,
    declines: Counters<1>,
    charged: Counter,
    refunds: Counter,
    refunded: Counter,
    disputes: Counters<1>,
    postponed: Counter,
    anomalies: Counters<1>,
}

impl PaymentMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self(Arc::new(Instruments {
            attempts: metrics.counters(&PAYMENT_ATTEMPTS),
            declines: metrics.counters(&PAYMENT_DECLINES),
            charged: metrics.counter(&PAYMENT_CHARGED),
            refunds: metrics.counter(&REFUNDS),
            refunded: metrics.counter(&PAYMENT_REFUNDED),
            disputes: metrics.counters(&DISPUTES),
            postponed: metrics.counter(&PAYMENTS_POSTPONED),
            anomalies: metrics.counters(&PAYMENT_ANOMALIES),
        }))
    }

    /// Counts the change from `old` to `new`, which has been written.
    pub(crate) fn changed(&self, old: &Payment, new: &Payment) {
        let metrics = &self.0;
        match (old.status(), new.status()) {
            (Status::Open, Status::Succeeded(_)) => {
                metrics.attempts.with(["succeeded"]).increment();
                metrics.charged.add(new.price().cents().unsigned_abs());
            }
            (_, Status::Refunded { .. }) => metrics.refunds.increment(),
            _ => self.attempt_ended(old, new),
        }
        let returned = new.returned_cents().saturating_sub(old.returned_cents());
        metrics.refunded.add(u64::try_from(returned).unwrap_or(0));
        self.dispute_changed(old, new);
    }

    fn dispute_changed(&self, old: &Payment, new: &Payment) {
        let Some(dispute) = new.dispute().filter(|_| new.dispute() != old.dispute()) else {
            return;
        };
        let state = match dispute.state {
            DisputeState::Open => "opened",
            DisputeState::Won => "won",
            DisputeState::Lost => "lost",
        };
        self.0.disputes.with([state]).increment();
    }

    fn attempt_ended(&self, old: &Payment, new: &Payment) {
        let outcome = old.pending().and_then(|(number, _)| new.outcome(number));
        match outcome {
            Some(Outcome::Declined(decline)) => {
                self.0.attempts.with(["declined"]).increment();
                self.0.declines.with([decline.code()]).increment();
            }
            Some(Outcome::Withdrawn) => self.0.attempts.with(["withdrawn"]).increment(),
            Some(Outcome::Pending(_) | Outcome::Succeeded) | None => {}
        }
    }

    /// Counts a step that is left to the sweep.
    pub(crate) fn postponed(&self) {
        self.0.postponed.increment();
    }

    /// Counts something that must not happen.
    pub(crate) fn anomaly(&self, kind: &'static str) {
        self.0.anomalies.with([kind]).increment();
    }
}

/// Counts unfinished and stuck payments, by their partial index, whenever metrics are scraped.
pub(crate) fn sample_unfinished<D>(payments: &OutboxCollection<D>, metrics: &Metrics)
where
    D: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + Unpin + 'static,
{
    let unfinished = bson::doc! { "due_at": { "$exists": true } };
    let mut stuck = unfinished.clone();
    stuck.insert("tries", bson::doc! { "$gte": stored_version(STUCK_AFTER) });
    let gauges = [
        (metrics.gauge(&PAYMENTS_UNFINISHED), unfinished),
        (metrics.gauge(&PAYMENTS_STUCK), stuck),
    ];
    for (gauge, filter) in gauges {
        let payments = payments.documents().clone();
        metrics.sample(move || {
            let (gauge, payments, filter) = (gauge.clone(), payments.clone(), filter.clone());
            async move { set_count(&gauge, payments.count(filter, COUNT_LIMIT).await) }
        });
    }
}

fn set_count(gauge: &Gauge, counted: Result<u64, StoreError>) {
    match counted {
        Ok(number) => gauge.set_number(usize::try_from(number).unwrap_or(usize::MAX)),
        Err(error) => {
            tracing::debug!(%error, "unfinished payments not counted");
            gauge.set_unknown();
        }
    }
}
