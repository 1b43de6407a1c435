//! Metrics of orders. A change is counted once it is written.

pub(crate) mod catalogue;

use std::sync::Arc;

use base::Clock;
use common::OrderStatus;
use common::events::CancellationReason;
use mongo::{from_date_time, object_id};
use telemetry::metrics::{Counter, Counters, Histograms, Metrics};

use crate::domain::Order;
use catalogue::{
    ORDER_HOLD_DURATION, ORDERS_CONFIRMED, ORDERS_ENDED, ORDERS_PLACED, ORDERS_REJECTED,
};

/// The instruments of the orders service. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct OrderMetrics(Arc<Instruments>);

#[derive(Debug)]
struct Instruments {
    placed: Counter,
    rejected: Counter,
    confirmed: Counter,
    ended: Counters<1>,
    hold_duration: Histograms<1>,
}

impl OrderMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self(Arc::new(Instruments {
            placed: metrics.counter(&ORDERS_PLACED),
            rejected: metrics.counter(&ORDERS_REJECTED),
            confirmed: metrics.counter(&ORDERS_CONFIRMED),
            ended: metrics.counters(&ORDERS_ENDED),
            hold_duration: metrics.histograms(&ORDER_HOLD_DURATION),
        }))
    }

    /// Counts a new order.
    pub(crate) fn placed(&self) {
        self.0.placed.increment();
    }

    /// Counts an order that was refused because another one holds the ticket.
    pub(crate) fn rejected(&self) {
        self.0.rejected.increment();
    }

    /// Counts a change that led to this state.
    pub(crate) fn changed(&self, order: &Order) {
        let outcome = match (order.status(), order.reason()) {
            (OrderStatus::Created, _) => return,
            (OrderStatus::AwaitingPayment, _) => return self.0.confirmed.increment(),
            (OrderStatus::Complete, _) => "complete",
            // Its hold duration was recorded when it was paid.
            (OrderStatus::Cancelled, Some(CancellationReason::Refunded)) => {
                return self.0.ended.with(["refunded"]).increment();
            }
            (OrderStatus::Cancelled, Some(CancellationReason::Expired)) => "expired",
            (OrderStatus::Cancelled, Some(CancellationReason::Owner)) => "cancelled",
            (OrderStatus::Cancelled, None) => "withdrawn",
        };
        // An id begins with its time of creation, in seconds.
        let created = from_date_time(object_id(order.id()).timestamp());
        let duration = Clock::system().now().since(created);
        self.0.ended.with([outcome]).increment();
        self.0.hold_duration.with([outcome]).observe(duration);
    }
}
