//! Streams with a long history: ended orders cost neither memory nor events.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use common::Event;
use common::events::OrderState;
use testkit::usage;

use crate::fixture::{Fixture, MACHINE, expirations, expired_within, wait_until_consumed};
use crate::{cancelled, created, job_at, now, order_expiring_at, paid};

/// Enough orders that their events exceed the service's first pass over the latest events.
const MANY: usize = 60_000;

/// For comparison.
const FEW: usize = 1_000;

/// How much more memory the long history may cost than the short one, in KiB. Remembering each order would cost more.
const EXTRA_MEMORY: u64 = 6 * 1_024;

const LIMIT: Duration = Duration::from_mins(20);

/// How many messages may be sent without an acknowledgement. The broker buffers 10,000.
const UNACKNOWLEDGED: usize = 5_000;

/// How a process handled a history.
#[derive(Debug)]
struct Measurement {
    /// Its peak memory, in KiB.
    peak: u64,
    /// The times from its start to the expiration of the order with a job in Redis, the latest order and the oldest
    /// one.
    expired_after: [Duration; 3],
}

/// Publishes events without waiting for each acknowledgement.
struct Publisher<'a> {
    fixture: &'a Fixture,
    unacknowledged: usize,
}

impl Publisher<'_> {
    async fn send(&mut self, event: &Event) {
        let subject = self.fixture.broker().subject(event.subject());
        let jetstream = self.fixture.broker().jetstream();
        let body = event.to_json().into();
        self.unacknowledged += 1;
        if self.unacknowledged < UNACKNOWLEDGED {
            jetstream.client().publish(subject, body).await.unwrap();
        } else {
            // The broker stores the messages of a connection in order, so this acknowledges all before it.
            let sent = jetstream.publish(subject, body).await;
            sent.unwrap().await.unwrap();
            self.unacknowledged = 0;
        }
    }

    /// Sends orders that are paid or cancelled, each some events after its creation.
    async fn send_ended_orders(&mut self, count: usize) {
        let mut open = VecDeque::<OrderState>::new();
        for number in 0..count + 100 {
            if number < count {
                let order = order_expiring_at(now());
                self.send(&created(&order)).await;
                open.push_back(order);
            }
            if number >= 100 {
                let order = open.pop_front().unwrap();
                let end = match number % 2 {
                    0 => cancelled(&order),
                    _ => paid(order.id),
                };
                self.send(&end).await;
            }
        }
    }
}

/// Fills a stream with ended orders and with an open order before and after them, and starts a process on it.
async fn measure(ended: usize) -> Measurement {
    let fixture = Fixture::start().await;
    let (oldest, latest) = (order_expiring_at(now()), order_expiring_at(now()));
    let start = Instant::now();
    let mut publisher = Publisher {
        fixture: &fixture,
        unacknowledged: 0,
    };
    publisher.send(&created(&oldest)).await;
    publisher.send_ended_orders(ended).await;
    fixture.publish(created(&latest)).await;
    println!("{ended} orders published in {:?}", start.elapsed());
    let stream = fixture
        .broker()
        .jetstream()
        .get_stream(fixture.broker().stream());
    let events = stream.await.unwrap().cached_info().state.messages;
    assert_eq!(events, 2 * ended as u64 + 2, "every event is in the stream");
    let waiting = job_at(now());
    fixture.schedule(&[waiting]).await;

    let start = now();
    let process = fixture.process().await;
    let expired = expired_within(LIMIT, fixture.broker(), 3).await;
    let expired_after = [waiting.order_id, latest.id, oldest.id]
        .map(|order| expired[&order].published.since(start));
    println!("job in Redis, latest order, oldest order expired after {expired_after:?}");
    wait_until_consumed(fixture.broker(), LIMIT).await;
    let peak = usage::peak(process.pid()).unwrap();
    println!(
        "peak {peak} KiB, all consumed after {:?}",
        now().since(start)
    );
    assert_eq!(
        expirations(fixture.broker()).await,
        3,
        "only open orders expire"
    );
    fixture.finish([process]).await;
    Measurement {
        peak,
        expired_after,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_orders_cost_neither_memory_nor_events() {
    let _exclusive = MACHINE.write().await;
    let few = measure(FEW).await;
    let many = measure(MANY).await;
    assert!(
        many.peak < few.peak + EXTRA_MEMORY,
        "{} KiB, and {} KiB with few orders",
        many.peak,
        few.peak
    );
    // Jobs in Redis do not wait for the history, and the latest orders do not wait for the whole history.
    assert!(many.expired_after.is_sorted(), "{many:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "publishes eight million events: a quarter of an hour, and 3 GB of disk"]
async fn four_million_ended_orders_cost_neither_memory_nor_events() {
    let few = measure(FEW).await;
    let many = measure(4_000_000).await;
    println!("{few:?}, {many:?}");
    assert!(many.peak < few.peak + 16 * 1_024, "{many:?}");
    assert!(many.expired_after[0] < Duration::from_secs(5), "{many:?}");
}
