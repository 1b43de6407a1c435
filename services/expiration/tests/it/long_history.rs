//! A stream with a long history: orders that ended cost neither memory nor events.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use common::Event;
use common::events::OrderState;
use testkit::{Servers, usage};

use crate::stage::{MACHINE, Stage, expirations, expired, until_consumed};
use crate::{cancelled, created, job_at, now, order_until, paid};

/// More events than are read at first to find the latest orders.
const FINISHED: usize = 60_000;

/// A few orders that ended, to compare with.
const FEW: usize = 1_000;

/// How much more memory a long history may cost than a short one, in KiB. To remember each order would cost more.
const MORE_MEMORY: u64 = 6 * 1_024;

const PATIENCE: Duration = Duration::from_mins(20);

/// A client may not send more than the broker buffers (10,000 messages) without hearing from it.
const UNACKNOWLEDGED: usize = 5_000;

/// What a process did with a history.
#[derive(Debug)]
struct Measured {
    /// Its largest memory, in KiB.
    peak: u64,
    /// From its start to the end of an order that had a job in Redis, of the last one created, and of the first one.
    fired: [Duration; 3],
}

/// Sends events faster than one at a time.
struct Publisher<'a> {
    stage: &'a Stage,
    unacknowledged: usize,
}

impl Publisher<'_> {
    async fn send(&mut self, event: &Event) {
        let subject = self.stage.broker().subject(event.subject());
        let jetstream = self.stage.broker().jetstream();
        let body = event.to_json().into();
        self.unacknowledged += 1;
        if self.unacknowledged < UNACKNOWLEDGED {
            jetstream.client().publish(subject, body).await.unwrap();
        } else {
            // The broker takes what one connection sends in its order.
            let sent = jetstream.publish(subject, body).await;
            sent.unwrap().await.unwrap();
            self.unacknowledged = 0;
        }
    }

    /// Orders that were paid or cancelled, each a while after its creation.
    async fn finished(&mut self, count: usize) {
        let mut open = VecDeque::<OrderState>::new();
        for number in 0..count + 100 {
            if number < count {
                let order = order_until(now());
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

/// Fills a stream with orders that ended, and one before and one after them that did not; and starts a process on it.
async fn measure(finished: usize) -> Measured {
    let stage = Stage::on(Servers::shared().await).await;
    let (first, last) = (order_until(now()), order_until(now()));
    let began = Instant::now();
    let mut publisher = Publisher {
        stage: &stage,
        unacknowledged: 0,
    };
    publisher.send(&created(&first)).await;
    publisher.finished(finished).await;
    stage.publish(created(&last)).await;
    println!("{finished} orders published in {:?}", began.elapsed());
    let stream = stage
        .broker()
        .jetstream()
        .get_stream(stage.broker().stream());
    let events = stream.await.unwrap().cached_info().state.messages;
    assert_eq!(
        events,
        2 * finished as u64 + 2,
        "every event is in the stream"
    );
    let waiting = job_at(now());
    stage.queue().schedule(&[waiting]).await.unwrap();

    let start = now();
    let process = stage.process().await;
    let fired = expired(stage.broker(), 3, PATIENCE).await;
    let fired = [waiting.order_id, last.id, first.id].map(|id| fired[&id].published.since(start));
    println!("job in Redis, last order, first order fired after {fired:?}");
    until_consumed(stage.broker(), PATIENCE).await;
    let peak = usage::peak(process.pid()).unwrap();
    println!(
        "peak {peak} KiB, all consumed after {:?}",
        now().since(start)
    );
    assert_eq!(
        expirations(stage.broker()).await,
        3,
        "only open orders expire"
    );
    assert!(process.stop(PATIENCE).await.success());
    stage.clear().await;
    Measured { peak, fired }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_ended_cost_neither_memory_nor_events() {
    let _alone = MACHINE.write().await;
    let few = measure(FEW).await;
    let many = measure(FINISHED).await;
    assert!(
        many.peak < few.peak + MORE_MEMORY,
        "{} KiB, and {} KiB with few orders",
        many.peak,
        few.peak
    );
    // What is in Redis does not wait for the history, and the latest orders do not wait for all of it.
    let [waiting, last, first] = many.fired;
    assert!(waiting <= last && last <= first, "{many:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "publishes eight million events: a quarter of an hour, and 3 GB of disk"]
async fn four_million_orders_that_ended_cost_neither_memory_nor_events() {
    let few = measure(FEW).await;
    let many = measure(4_000_000).await;
    println!("{few:?}, {many:?}");
    assert!(many.peak < few.peak + 16 * 1_024, "{many:?}");
    assert!(many.fired[0] < Duration::from_secs(5), "{many:?}");
}
