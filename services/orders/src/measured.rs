//! What is measured of orders: counted once they are written.

use std::sync::Arc;

use base::Clock;
use common::OrderStatus;
use common::events::CancellationReason;
use mongo::{from_date_time, object_id};
use telemetry::metrics::catalogue::{
    ORDER_HOLD_DURATION, ORDERS_CONFIRMED, ORDERS_ENDED, ORDERS_PLACED, ORDERS_REJECTED,
};
use telemetry::metrics::{Counter, Counters, Histograms, Metrics};

use crate::domain::Order;

/// What is measured of orders. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct OrderMetrics(Arc<Instruments>);

#[derive(Debug)]
struct Instruments {
    placed: Counter,
    rejected: Counter,
    confirmed: Counter,
    ended: Counters<1>,
    held: Histograms<1>,
}

impl OrderMetrics {
    pub(crate) fn of(metrics: &Metrics) -> Self {
        Self(Arc::new(Instruments {
            placed: metrics.counter(&ORDERS_PLACED),
            rejected: metrics.counter(&ORDERS_REJECTED),
            confirmed: metrics.counter(&ORDERS_CONFIRMED),
            ended: metrics.counters(&ORDERS_ENDED),
            held: metrics.histograms(&ORDER_HOLD_DURATION),
        }))
    }

    /// An order was made.
    pub(crate) fn placed(&self) {
        self.0.placed.increment();
    }

    /// An order was not made, since another holds the ticket.
    pub(crate) fn rejected(&self) {
        self.0.rejected.increment();
    }

    /// An order was changed to this.
    pub(crate) fn changed(&self, order: &Order) {
        let outcome = match (order.status, order.reason) {
            (OrderStatus::Created, _) => return,
            (OrderStatus::AwaitingPayment, _) => return self.0.confirmed.increment(),
            (OrderStatus::Complete, _) => "complete",
            // It ended before, when it was paid.
            (OrderStatus::Cancelled, Some(CancellationReason::Refunded)) => {
                return self.0.ended.with(["refunded"]).increment();
            }
            (OrderStatus::Cancelled, Some(CancellationReason::Expired)) => "expired",
            (OrderStatus::Cancelled, Some(CancellationReason::Owner)) => "cancelled",
            (OrderStatus::Cancelled, None) => "withdrawn",
        };
        // An id begins with the second in which it was made.
        let made = from_date_time(object_id(order.id).timestamp());
        let held = Clock::system().now().since(made);
        self.0.ended.with([outcome]).increment();
        self.0.held.with([outcome]).observe(held);
    }
}
