//! Handles the events of other services, all in one durable consumer.

mod tickets;

use base::Clock;
use common::id::kind;
use common::{Event, Id, Subject};
use messaging::{Failure, Handler};

use crate::domain::Order;
use crate::store::{OrderStore, TicketStore};
use tickets::TicketEvents;

/// The service's queue group.
pub(crate) const QUEUE_GROUP: &str = "orders-service";

/// The consumer's handler.
#[derive(Debug)]
pub(crate) struct Events {
    orders: OrderStore,
    tickets: TicketEvents,
    clock: Clock,
}

/// An event names an order that is not stored.
///
/// Only this service creates orders, so the order was lost. The event is retried, in case the order is restored, and
/// finally becomes a dead letter.
#[derive(Debug, thiserror::Error)]
#[error("there is no order {0}")]
struct UnknownOrder(Id<kind::Order>);

impl Events {
    /// The subjects of the events that this consumer receives.
    pub(crate) const SUBJECTS: &[Subject] = &[
        Subject::TicketCreated,
        Subject::TicketUpdated,
        Subject::PaymentCreated,
        Subject::PaymentRefunded,
        Subject::ExpirationComplete,
    ];

    /// Creates a handler that writes to these stores.
    pub(crate) fn new(orders: OrderStore, tickets: TicketStore, clock: Clock) -> Self {
        Self {
            tickets: TicketEvents::new(orders.clone(), tickets),
            orders,
            clock,
        }
    }

    async fn change(
        &self,
        order: Id<kind::Order>,
        change: impl Fn(&Order) -> Result<Option<Order>, Failure> + Sync,
    ) -> Result<(), Failure> {
        let changed = self.orders.change(order, change).await?;
        changed.ok_or_else(|| Failure::Retry(UnknownOrder(order).into()))?;
        Ok(())
    }
}

impl Handler for Events {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        match event {
            Event::TicketCreated(ticket) | Event::TicketUpdated(ticket) => {
                self.tickets.apply(&ticket).await
            }
            Event::PaymentCreated(payment) => {
                self.change(payment.order_id, |order| Ok(order.complete()))
                    .await
            }
            Event::PaymentRefunded(payment) => {
                self.change(payment.order_id, |order| Ok(order.refund()))
                    .await
            }
            Event::ExpirationComplete(expiration) => {
                self.change(expiration.order_id, |order| {
                    let now = self.clock.now();
                    // The clock of the expiration service may be ahead of this one.
                    order
                        .expire(now)
                        .map_err(|early| Failure::NotBefore(early.0.since(now)))
                })
                .await
            }
            // Not among the subjects.
            _ => Ok(()),
        }
    }
}
