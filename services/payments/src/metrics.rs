//! What is measured of payments: told by the step that was written, so that each is counted once, by whoever wrote it.

pub(crate) mod catalogue;

use std::sync::Arc;

use messaging::OutboxCollection;
use mongo::{StoreError, stored_version};
use telemetry::metrics::{Counter, Counters, Gauge, Metrics};

use crate::domain::{Outcome, Payment, Standing, Status};
use crate::settlement::TRIES_OF_AN_OUTAGE;
use catalogue::{
    DISPUTES, PAYMENT_ANOMALIES, PAYMENT_ATTEMPTS, PAYMENT_CHARGED, PAYMENT_DECLINES,
    PAYMENT_REFUNDED, PAYMENTS_POSTPONED, PAYMENTS_STUCK, PAYMENTS_UNFINISHED, REFUNDS,
};

/// Up to how many unfinished payments are counted.
const MOST_COUNTED: u64 = 10_000;

/// What is measured of payments. Clones share it.
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
    pub(crate) fn of(metrics: &Metrics) -> Self {
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

    /// Takes note of the step from `old` to `new`, which was written just now.
    pub(crate) fn changed(&self, old: &Payment, new: &Payment) {
        let metrics = &self.0;
        match (&old.status, &new.status) {
            (Status::Open, Status::Succeeded(_)) => {
                metrics.attempts.with(["succeeded"]).increment();
                metrics.charged.add(new.price.cents().unsigned_abs());
            }
            (_, Status::Refunded { .. }) => metrics.refunds.increment(),
            _ => self.ended(old, new),
        }
        let given_back = new.given_back.saturating_sub(old.given_back);
        metrics.refunded.add(u64::try_from(given_back).unwrap_or(0));
        self.disputed(old, new);
    }

    /// Counts a dispute that was opened or decided.
    fn disputed(&self, old: &Payment, new: &Payment) {
        let Some(dispute) = new.dispute.as_ref().filter(|_| new.dispute != old.dispute) else {
            return;
        };
        let state = match dispute.standing {
            Standing::Open => "opened",
            Standing::Won => "won",
            Standing::Lost => "lost",
        };
        self.0.disputes.with([state]).increment();
    }

    /// Takes note of how the attempt that was pending ended, if it did.
    fn ended(&self, old: &Payment, new: &Payment) {
        let pending = old.pending().and_then(|(number, _)| new.outcome(number));
        match pending {
            Some(Outcome::Declined(decline)) => {
                self.0.attempts.with(["declined"]).increment();
                self.0.declines.with([&decline.code]).increment();
            }
            Some(Outcome::Withdrawn) => self.0.attempts.with(["withdrawn"]).increment(),
            Some(Outcome::Pending(_) | Outcome::Succeeded) | None => {}
        }
    }

    /// Takes note of a step that is left to the sweep.
    pub(crate) fn postponed(&self) {
        self.0.postponed.increment();
    }

    /// Takes note of what must not happen.
    pub(crate) fn anomaly(&self, kind: &'static str) {
        self.0.anomalies.with([kind]).increment();
    }
}

/// Lets the payments that the sweep looks at be counted, by their partial index, when metrics are read.
pub(crate) fn measure_unfinished<D>(payments: &OutboxCollection<D>, metrics: &Metrics)
where
    D: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + Unpin + 'static,
{
    let unfinished = bson::doc! { "due_at": { "$exists": true } };
    let mut stuck = unfinished.clone();
    stuck.insert(
        "tries",
        bson::doc! { "$gte": stored_version(TRIES_OF_AN_OUTAGE) },
    );
    let gauges = [
        (metrics.gauge(&PAYMENTS_UNFINISHED), unfinished),
        (metrics.gauge(&PAYMENTS_STUCK), stuck),
    ];
    for (gauge, filter) in gauges {
        let payments = payments.documents().clone();
        metrics.sample(move || {
            let (gauge, payments, filter) = (gauge.clone(), payments.clone(), filter.clone());
            async move { count(&gauge, payments.count(filter, MOST_COUNTED).await) }
        });
    }
}

fn count(gauge: &Gauge, counted: Result<u64, StoreError>) {
    match counted {
        Ok(number) => gauge.set_number(usize::try_from(number).unwrap_or(usize::MAX)),
        Err(error) => {
            tracing::debug!(%error, "unfinished payments not counted");
            gauge.set_unknown();
        }
    }
}
