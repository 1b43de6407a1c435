//! Delivers events, expirations and webhooks: late, in any order, and sometimes twice.

use std::time::Duration;

use common::Event;
use common::events::ExpirationState;
use messaging::{Failure, Outgoing, Publisher};
use tokio::time::sleep;
use web::ApiError;

use crate::fleet::Fleet;
use crate::replica::{Replica, Service};
use crate::shopper::is_contended;
use crate::stripe::SimulatedWebhook;

/// How many messages in a hundred are delivered again after they were handled.
const DUPLICATE: u64 = 10;

/// How many messages in a hundred are delayed for long, and the longest delays in milliseconds.
const DELAYED: u64 = 15;
const LONG_DELAY: u64 = 6_000;
const SHORT_DELAY: u64 = 30;

/// How many times in a hundred the clock of the expiration service is fast, and by how many milliseconds.
const CLOCK_FAST: u64 = 10;
const CLOCK_AHEAD: u64 = 1_500;

/// After so many deliveries a message becomes a dead letter.
const MAX_DELIVERIES: u32 = 100;

/// The pause before a message is delivered again.
const RETRY: Duration = Duration::from_millis(200);

impl Fleet {
    /// Delivers an event to the queue groups that handle it.
    pub(crate) fn deliver(&self, event: &Event) {
        self.world.note(|| format!("published: {event:?}"));
        let (fleet, event) = (self.clone(), event.clone());
        match &event {
            Event::OrderCreated(order) => {
                if order.status.is_active() {
                    let end = ExpirationState {
                        order_id: order.id,
                        expires_at: order.expires_at,
                    };
                    self.spawn(fleet.clone().expire(end));
                }
                self.spawn(
                    fleet
                        .clone()
                        .deliver_to(fleet.tickets.clone(), event.clone()),
                );
                self.spawn(fleet.clone().deliver_to(fleet.payments.clone(), event));
            }
            Event::OrderCancelled(_) => {
                self.spawn(
                    fleet
                        .clone()
                        .deliver_to(fleet.tickets.clone(), event.clone()),
                );
                self.spawn(fleet.clone().deliver_to(fleet.payments.clone(), event));
            }
            Event::TicketCreated(_)
            | Event::TicketUpdated(_)
            | Event::PaymentCreated(_)
            | Event::PaymentRefunded(_)
            | Event::ExpirationComplete(_) => {
                self.spawn(fleet.clone().deliver_to(fleet.orders.clone(), event));
            }
        }
    }

    /// Delivers an event to one of these replicas until one has handled it, and sometimes once more.
    async fn deliver_to<S: Service>(self, replicas: Vec<Replica<S>>, event: Event) {
        for _ in 0..MAX_DELIVERIES {
            self.delay().await;
            let replica = self.any(&replicas);
            match replica.handle(event.clone()).await {
                Some(Ok(())) if self.world.percent(DUPLICATE) => {}
                Some(Ok(())) => return,
                Some(Err(Failure::Fatal(_))) => break,
                Some(Err(failure)) => {
                    if let Failure::Unavailable(error) = &failure
                        && is_contended(error.as_ref())
                    {
                        self.error(format!("not handled: {event:?}: {error}"));
                    }
                    let subject = event.subject();
                    self.world
                        .note(|| format!("{replica} does not handle {subject} yet: {failure}"));
                    let early = match failure {
                        Failure::NotBefore(early) => early,
                        _ => Duration::ZERO,
                    };
                    sleep(early.max(RETRY)).await;
                }
                None => sleep(RETRY).await,
            }
        }
        self.error(format!("a dead letter: {event:?}"));
    }

    /// Publishes the expiration of an order, sometimes late, and sometimes early because the clock is fast.
    async fn expire(self, end: ExpirationState) {
        let early = if self.world.percent(CLOCK_FAST) {
            CLOCK_AHEAD
        } else {
            0
        };
        let due = end.expires_at.minus(Duration::from_millis(early));
        sleep(due.since(self.clock.now())).await;
        self.delay().await;
        let id = format!("expiration-{}", end.order_id);
        let message = Outgoing::new(id, &Event::ExpirationComplete(end), end.expires_at);
        while self.stream.publish(&message).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends one of Stripe's webhooks until it succeeds, and sometimes once more.
    pub(crate) async fn send_webhook(self, webhook: SimulatedWebhook) {
        self.world.note(|| format!("at Stripe: {webhook:?}"));
        loop {
            self.delay().await;
            let replica = self.any(&self.payments);
            let sent = replica.ask(async |payments| webhook.deliver_to(&payments).await);
            match sent.await {
                Some(Ok(())) if self.world.percent(DUPLICATE) => {}
                Some(Ok(())) => return,
                Some(Err(ApiError::Internal(error))) => {
                    self.error(format!("500 to a webhook: {error}"));
                }
                _ => sleep(RETRY).await,
            }
        }
    }

    async fn delay(&self) {
        let longest = if self.world.percent(DELAYED) {
            LONG_DELAY
        } else {
            SHORT_DELAY
        };
        sleep(Duration::from_millis(self.world.below(longest))).await;
    }
}
