//! Events that cannot be handled yet: they do not block others, and early ones never become dead letters.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::Clock;
use common::events::ExpirationState;
use common::{Event, Subject};
use futures::StreamExt;
use messaging::{Consumer, Failure, Handler, Outgoing};
use mongo::new_id;
use testkit::{TestApp, eventually, eventually_within};

use crate::fixtures::{Running, short_retries};
use crate::toy::{start, ticket};

/// More than the broker's default limit of unacknowledged messages.
const MANY: usize = 1_100;

/// Handles tickets with the title "fine", and retries all others.
#[derive(Clone, Default)]
struct Picky {
    refused: Arc<Mutex<HashSet<String>>>,
    handled: Arc<AtomicU64>,
}

impl Handler for Picky {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        let id = event.entity_id();
        match event {
            Event::TicketUpdated(ticket) if ticket.title.as_str() == "fine" => {
                self.handled.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            _ => {
                self.refused.lock().unwrap().insert(id);
                Err(Failure::Retry("not now".into()))
            }
        }
    }
}

async fn publish_many(app: &TestApp, title: &str) {
    let events = (0..MANY).map(|_| Event::TicketUpdated(ticket(title)));
    futures::stream::iter(events)
        .for_each_concurrent(64, |event| app.publish(event))
        .await;
}

#[tokio::test]
async fn events_that_wait_for_a_retry_do_not_block_those_behind_them() {
    let app = start().await;
    let handler = Picky::default();
    let subjects = &[Subject::TicketUpdated];
    let consumer = Consumer::new(app.broker().clone(), "picky", subjects, handler.clone());
    let consumer = Running::start(|stop| consumer.run(stop));
    publish_many(&app, "retry").await;
    let refused = async || handler.refused.lock().unwrap().len() >= 1_024;
    eventually_within(Duration::from_mins(1), "most are refused", refused).await;
    app.publish(Event::TicketUpdated(ticket("fine"))).await;
    eventually("the last event is handled", async || {
        handler.handled.load(Ordering::SeqCst) == 1
    })
    .await;
    consumer.stop().await;
    app.finish().await;
}

/// Rejects the first deliveries as too early, and then retries a few times.
#[derive(Clone, Default)]
struct Early {
    deliveries: Arc<AtomicU64>,
    handled: Arc<AtomicU64>,
}

/// Each more than the consumer's limit of tries.
const TOO_EARLY: u64 = 6;
const RETRIES: u64 = 6;

impl Handler for Early {
    async fn handle(&self, _: Event) -> Result<(), Failure> {
        let before = self.deliveries.fetch_add(1, Ordering::SeqCst);
        if before < TOO_EARLY {
            return Err(Failure::NotBefore(Duration::from_millis(1)));
        }
        if before < TOO_EARLY + RETRIES {
            return Err(Failure::Retry("not now".into()));
        }
        self.handled.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

async fn expire(app: &TestApp, clock: &Clock) {
    let event = Event::ExpirationComplete(ExpirationState {
        order_id: new_id(),
        expires_at: clock.now(),
    });
    let message = Outgoing::new(event.entity_id(), &event, clock.now());
    app.broker().publish(&message).await.unwrap();
}

#[tokio::test]
async fn early_deliveries_do_not_use_up_tries() {
    let app = start().await;
    let (handler, clock) = (Early::default(), Clock::manual(app.clock().now()));
    let subjects = &[Subject::ExpirationComplete];
    let consumer = Consumer::new(app.broker().clone(), "early", subjects, handler.clone())
        .with_clock(clock.clone())
        .with_retry_policy(short_retries(4));
    let consumer = Running::start(|stop| consumer.run(stop));
    expire(&app, &clock).await;
    eventually("the event is handled", async || {
        handler.handled.load(Ordering::SeqCst) == 1
    })
    .await;
    assert!(app.dead_letters().await.is_empty());
    // Long after its time, an event has no more tries than others.
    handler.deliveries.store(TOO_EARLY, Ordering::SeqCst);
    let long_ago = Clock::manual(clock.now());
    clock.advance(Duration::from_mins(1));
    expire(&app, &long_ago).await;
    let letter = app.take_dead_letter().await;
    assert_eq!(
        (letter.consumer.as_str(), letter.reason.as_str()),
        ("early", "not now")
    );
    consumer.stop().await;
    app.finish().await;
}
