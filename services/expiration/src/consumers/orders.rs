//! A new order gets a job.

use common::events::ExpirationState;
use common::{Event, Subject};
use service::messaging::{Failure, Handler};

use crate::queue::JobQueue;

/// Handles `order:created`.
#[derive(Debug)]
pub(crate) struct OrderEvents {
    queue: JobQueue,
}

impl OrderEvents {
    /// What this consumer reads.
    pub(crate) const SUBJECTS: &[Subject] = &[Subject::OrderCreated];

    /// A consumer that puts jobs into this queue.
    pub(crate) const fn new(queue: JobQueue) -> Self {
        Self { queue }
    }
}

impl Handler for OrderEvents {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        match event {
            // A re-emission tells of orders in every state; those that have ended need no end.
            Event::OrderCreated(order) if order.status.is_active() => {
                let job = ExpirationState {
                    order_id: order.id,
                    expires_at: order.expires_at,
                };
                let scheduled = self.queue.schedule(&[job]).await;
                scheduled.map_err(|error| Failure::Unavailable(error.into()))
            }
            _ => Ok(()),
        }
    }
}
