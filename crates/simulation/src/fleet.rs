//! The fleet: two replicas of each service over one database each, a stream, a Stripe, and expiration.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use common::events::ExpirationState;
use common::id::kind;
use common::{Event, Id, Timestamp};
use futures::future::BoxFuture;
use messaging::{Failure, Outgoing, Publisher, Relay};
use orders::in_process::Orders;
use payments::in_process::Payments;
use tickets::in_process::Tickets;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_local;
use tokio::time::sleep;
use web::ApiError;

use crate::books::Books;
use crate::dashboard::Dashboard;
use crate::memory::Memory;
use crate::release::{self, Release};
use crate::replica::{Replica, Service, Started, Work};
use crate::shopper::is_contended;
use crate::stream::Stream;
use crate::stripe::{SimulatedStripe, SimulatedWebhook};
use crate::world::{Process, World};

/// How long an order can be paid.
pub(crate) const EXPIRATION: Duration = Duration::from_secs(5);

const REPLICAS: usize = 2;

/// How often in a hundred a message that was handled is delivered once more.
const DUPLICATE: u64 = 10;

/// How often in a hundred a message is held up for long, and for how many milliseconds at most.
const HELD_UP: u64 = 15;
const LONG: u64 = 6_000;
const SHORT: u64 = 30;

/// How often in a hundred the clock of the expiration service is fast, and by how many milliseconds.
const EARLY: u64 = 10;
const FAST: u64 = 1_500;

/// How many charges in a hundred somebody takes back at Stripe, all or a part.
const TAKEN_BACK: u64 = 12;

/// After so many deliveries a message would be a dead letter.
const DELIVERIES: u32 = 100;

/// The fleet and what belongs to it. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Fleet {
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) tickets: Vec<Replica<Tickets>>,
    pub(crate) orders: Vec<Replica<Orders>>,
    pub(crate) payments: Vec<Replica<Payments>>,
    pub(crate) data: Data,
    pub(crate) stream: Stream,
    pub(crate) stripe: SimulatedStripe,
    pub(crate) books: Rc<RefCell<Books>>,
    /// How many messages and timers are under way.
    under_way: Rc<Cell<usize>>,
}

/// The databases.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) tickets: Memory,
    pub(crate) orders: Memory,
    pub(crate) payments: Memory,
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

fn relaying(relay: Relay<Stream>) -> Work {
    Box::new(move |stop| Box::pin(relay.run(stop)))
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

impl Fleet {
    /// A fleet in this world, all of it running.
    pub(crate) fn start(world: &World) -> Self {
        let outside = world.outsider();
        let clock = Clock::of_runtime(Timestamp::from_milliseconds(1_800_000_000_000));
        let (stream, events) = Stream::new(outside.clone());
        let (stripe, webhooks) = SimulatedStripe::new(outside.clone());
        let data = Data {
            tickets: Memory::new(outside.clone()),
            orders: Memory::new(outside.clone()),
            payments: Memory::new(outside),
        };
        let fleet = Self {
            tickets: tickets(world, &data, &stream, &clock),
            orders: orders(world, &data, &stream, &clock),
            payments: payments(world, &data, &stream, &stripe, &clock),
            world: world.clone(),
            clock,
            data,
            stream,
            stripe,
            books: Rc::default(),
            under_way: Rc::default(),
        };
        fleet.run(events, webhooks);
        fleet
    }

    fn run(
        &self,
        mut events: UnboundedReceiver<Event>,
        mut webhooks: UnboundedReceiver<SimulatedWebhook>,
    ) {
        for replica in &self.tickets {
            spawn_local(replica.clone().run());
        }
        for replica in &self.orders {
            spawn_local(replica.clone().run());
        }
        for replica in &self.payments {
            spawn_local(replica.clone().run());
        }
        let fleet = self.clone();
        spawn_local(async move {
            while let Some(event) = events.recv().await {
                fleet.deliver(&event);
            }
        });
        let fleet = self.clone();
        spawn_local(async move {
            while let Some(webhook) = webhooks.recv().await {
                if let SimulatedWebhook::Charged(charge) = &webhook
                    && fleet.world.percent(TAKEN_BACK)
                {
                    let dashboard = Dashboard::new(&fleet, charge);
                    fleet.under_way(dashboard.take_back());
                }
                fleet.under_way(fleet.clone().tell_of(webhook));
            }
        });
    }

    /// Whether no message, timer or request is under way outside of the services.
    pub(crate) fn is_quiet(&self) -> bool {
        self.under_way.get() == 0 && self.stripe.is_quiet()
    }

    fn under_way(&self, work: impl Future<Output = ()> + 'static) {
        let under_way = Rc::clone(&self.under_way);
        under_way.set(under_way.get() + 1);
        spawn_local(async move {
            work.await;
            under_way.set(under_way.get() - 1);
        });
    }

    fn deliver(&self, event: &Event) {
        self.world.note(|| format!("published: {event:?}"));
        let (fleet, event) = (self.clone(), event.clone());
        match &event {
            Event::OrderCreated(order) => {
                if order.status.is_active() {
                    let end = ExpirationState {
                        order_id: order.id,
                        expires_at: order.expires_at,
                    };
                    self.under_way(fleet.clone().expire(end));
                }
                self.under_way(fleet.clone().bring(fleet.tickets.clone(), event.clone()));
                self.under_way(fleet.clone().bring(fleet.payments.clone(), event));
            }
            Event::OrderCancelled(_) => {
                self.under_way(fleet.clone().bring(fleet.tickets.clone(), event.clone()));
                self.under_way(fleet.clone().bring(fleet.payments.clone(), event));
            }
            Event::TicketCreated(_)
            | Event::TicketUpdated(_)
            | Event::PaymentCreated(_)
            | Event::PaymentRefunded(_)
            | Event::ExpirationComplete(_) => {
                self.under_way(fleet.clone().bring(fleet.orders.clone(), event));
            }
        }
    }

    /// Delivers a message to one of these replicas until one has handled it, and sometimes once more.
    async fn bring<S: Service>(self, replicas: Vec<Replica<S>>, event: Event) {
        for _ in 0..DELIVERIES {
            self.some_time().await;
            let replica = self.any(&replicas);
            match replica.handle(event.clone()).await {
                Some(Ok(())) if self.world.percent(DUPLICATE) => {}
                Some(Ok(())) => return,
                Some(Err(Failure::Fatal(_))) => break,
                Some(Err(failure)) => {
                    if let Failure::Unavailable(error) = &failure
                        && is_contended(error.as_ref())
                    {
                        let scandal = format!("not handled: {event:?}: {error}");
                        self.books.borrow_mut().scandals.push(scandal);
                    }
                    let subject = event.subject();
                    self.world
                        .note(|| format!("{replica} does not handle {subject} yet: {failure}"));
                    let early = match failure {
                        Failure::NotBefore(early) => early,
                        _ => Duration::ZERO,
                    };
                    sleep(early.max(Duration::from_millis(200))).await;
                }
                None => sleep(Duration::from_millis(200)).await,
            }
        }
        let scandal = format!("a dead letter: {event:?}");
        self.books.borrow_mut().scandals.push(scandal);
    }

    /// The expiration service: says when an order's time is over, now and then a little late, or early since its clock is
    /// fast.
    async fn expire(self, end: ExpirationState) {
        let early = if self.world.percent(EARLY) { FAST } else { 0 };
        let told = end.expires_at.minus(Duration::from_millis(early));
        sleep(told.since(self.clock.now())).await;
        self.some_time().await;
        let id = format!("expiration-{}", end.order_id);
        let message = Outgoing::new(id, &Event::ExpirationComplete(end), end.expires_at);
        while self.stream.publish(&message).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stripe's webhook: repeated until it is heard.
    async fn tell_of(self, webhook: SimulatedWebhook) {
        self.world.note(|| format!("at Stripe: {webhook:?}"));
        loop {
            self.some_time().await;
            let replica = self.any(&self.payments);
            let heard = replica.ask(async |payments| webhook.deliver_to(&payments).await);
            match heard.await {
                Some(Ok(())) if self.world.percent(DUPLICATE) => {}
                Some(Ok(())) => return,
                Some(Err(ApiError::Internal(error))) => {
                    let scandal = format!("500 to a webhook: {error}");
                    self.books.borrow_mut().scandals.push(scandal);
                }
                _ => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// A later release of the tickets service runs for a moment, and is rolled back before it publishes what it wrote.
    pub(crate) async fn roll_back(self, ticket: Id<kind::Ticket>) {
        sleep(Duration::from_millis(self.world.below(4_000))).await;
        let written = release::roll_back(&self.data.tickets, &self.world, ticket).await;
        self.books.borrow_mut().rolled_back.push((ticket, written));
    }

    /// One of these, at random.
    pub(crate) fn any<'a, S>(&self, replicas: &'a [Replica<S>]) -> &'a Replica<S> {
        let chosen = self.world.below(replicas.len() as u64);
        &replicas[usize::try_from(chosen).expect("there are few")]
    }

    async fn some_time(&self) {
        let longest = if self.world.percent(HELD_UP) {
            LONG
        } else {
            SHORT
        };
        sleep(Duration::from_millis(self.world.below(longest))).await;
    }
}

fn tickets(world: &World, data: &Data, stream: &Stream, clock: &Clock) -> Vec<Replica<Tickets>> {
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

fn orders(world: &World, data: &Data, stream: &Stream, clock: &Clock) -> Vec<Replica<Orders>> {
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

fn payments(
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
