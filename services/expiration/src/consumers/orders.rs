//! Adds a job for each new order.

use std::time::Duration;

use base::Clock;
use common::events::{ExpirationState, OrderState};
use common::{Event, Subject};
use messaging::{Failure, Handler, Position};

use crate::queue::JobQueue;
use crate::reschedule::Progress;

/// An event older than this is late: the service was down or has a backlog.
const LATE_AFTER: Duration = Duration::from_secs(10);

/// Handles `order:created`.
#[derive(Debug)]
pub(crate) struct OrderEvents {
    queue: JobQueue,
    history: Progress,
    clock: Clock,
}

impl OrderEvents {
    /// The subjects that this consumer handles.
    pub(crate) const SUBJECTS: &[Subject] = &[Subject::OrderCreated];

    /// Adds jobs to this queue. Orders of late events get their jobs when the history is read.
    pub(crate) const fn new(queue: JobQueue, history: Progress, clock: Clock) -> Self {
        Self {
            queue,
            history,
            clock,
        }
    }

    fn is_late(&self, order: &OrderState, position: Position) -> bool {
        let now = self.clock.now();
        order.expires_at <= now || position.published.plus(LATE_AFTER) < now
    }

    async fn schedule(&self, order: &OrderState) -> Result<(), Failure> {
        let job = ExpirationState {
            order_id: order.id,
            expires_at: order.expires_at,
        };
        let scheduled = self.queue.schedule(&[job]).await;
        scheduled.map_err(|error| Failure::Unavailable(error.into()))
    }
}

impl Handler for OrderEvents {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        self.handle_at(event, None).await
    }

    async fn handle_at(&self, event: Event, position: Option<Position>) -> Result<(), Failure> {
        match (event, position) {
            // The order may have ended since, so it gets a job only if it is open according to the history.
            (Event::OrderCreated(order), Some(position))
                if order.status.is_active() && self.is_late(&order, position) =>
            {
                let reached = self.history.wait_for(position).await;
                reached.map_err(|stopped| Failure::Unavailable(stopped.into()))
            }
            // A re-emission publishes orders in every state. Ended orders need no job.
            (Event::OrderCreated(order), _) if order.status.is_active() => {
                self.schedule(&order).await
            }
            _ => Ok(()),
        }
    }
}
