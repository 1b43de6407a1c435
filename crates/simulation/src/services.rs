//! Starts the replicas of each service on its database in memory.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use common::Event;
use futures::future::BoxFuture;
use messaging::{Failure, Relay};
use orders::in_process::Orders;
use payments::in_process::Payments;
use tickets::in_process::Tickets;

use crate::memory::Memory;
use crate::release::Release;
use crate::replica::{Replica, Service, Started, Work};
use crate::stream::Stream;
use crate::stripe::SimulatedStripe;
use crate::world::{Process, World};

/// How long an order can be paid.
const EXPIRATION: Duration = Duration::from_secs(5);

/// The number of replicas of each service.
const REPLICAS: usize = 2;

/// The databases.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) tickets: Memory,
    pub(crate) orders: Memory,
    pub(crate) payments: Memory,
}

impl Data {
    /// Empty databases.
    pub(crate) fn new(world: &World) -> Self {
        Self {
            tickets: Memory::new(world.outsider()),
            orders: Memory::new(world.outsider()),
            payments: Memory::new(world.outsider()),
        }
    }
}

impl Service for Tickets {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        Self::handle(self, event).await
    }
}

impl Service for Orders {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        Self::handle(self, event).await
    }
}

impl Service for Payments {
    async fn handle(&self, event: Event) -> Result<(), Failure> {
        Self::handle(self, event).await
    }
}

pub(crate) fn tickets(
    world: &World,
    data: &Data,
    stream: &Stream,
    clock: &Clock,
) -> Vec<Replica<Tickets>> {
    let (data, stream, clock) = (data.tickets.clone(), stream.clone(), clock.clone());
    replicas("tickets", world, move |process, release| {
        let database = data.reached_by(process.clone()).database();
        let mut relay = Relay::to(stream.reached_by(process, release), clock.clone());
        Box::pin(async move {
            let service = Tickets::open(&database, &mut relay).await;
            Started {
                service: service.expect("memory opens"),
                work: vec![relaying(relay)],
            }
        })
    })
}

pub(crate) fn orders(
    world: &World,
    data: &Data,
    stream: &Stream,
    clock: &Clock,
) -> Vec<Replica<Orders>> {
    let (data, stream, clock) = (data.orders.clone(), stream.clone(), clock.clone());
    replicas("orders", world, move |process, release| {
        let database = data.reached_by(process.clone()).database();
        let mut relay = Relay::to(stream.reached_by(process, release), clock.clone());
        let clock = clock.clone();
        Box::pin(async move {
            let service = Orders::open(&database, &mut relay, clock, EXPIRATION).await;
            Started {
                service: service.expect("memory opens"),
                work: vec![relaying(relay)],
            }
        })
    })
}

pub(crate) fn payments(
    world: &World,
    data: &Data,
    stream: &Stream,
    stripe: &SimulatedStripe,
    clock: &Clock,
) -> Vec<Replica<Payments>> {
    let (data, stream) = (data.payments.clone(), stream.clone());
    let (stripe, clock) = (stripe.clone(), clock.clone());
    replicas("payments", world, move |process, release| {
        let database = data.reached_by(process.clone()).database();
        let mut relay = Relay::to(stream.reached_by(process.clone(), release), clock.clone());
        let (stripe, clock) = (Arc::new(stripe.reached_by(process)), clock.clone());
        Box::pin(async move {
            let service = Payments::open(&database, &mut relay, stripe, clock).await;
            let service = service.expect("memory opens");
            let sweeper = service.clone();
            let sweep: Work = Box::new(|stop| Box::pin(async move { sweeper.sweep(stop).await }));
            Started {
                service,
                work: vec![relaying(relay), sweep],
            }
        })
    })
}

fn replicas<S: Service>(
    name: &str,
    world: &World,
    start: impl Fn(Process, Release) -> BoxFuture<'static, Started<S>> + Send + Sync + 'static,
) -> Vec<Replica<S>> {
    let start = Arc::new(start);
    (1..=REPLICAS)
        .zip(Release::of_replicas(world))
        .map(|(number, release)| {
            Replica::new(format!("{name}-{number}"), release, world, start.clone())
        })
        .collect()
}

fn relaying(relay: Relay<Stream>) -> Work {
    Box::new(move |stop| Box::pin(relay.run(stop)))
}
