//! The fleet: two replicas of each service on one database each, a broker, a Stripe, and expiration.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use audit::Acknowledged;
use base::Clock;
use common::id::kind;
use common::{Event, Id, Timestamp};
use orders::in_process::Orders;
use payments::in_process::Payments;
use tickets::in_process::Tickets;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::dashboard::Dashboard;
use crate::record::Record;
use crate::release;
use crate::replica::Replica;
use crate::services::{self, Data};
use crate::stream::Stream;
use crate::stripe::{SimulatedStripe, SimulatedWebhook};
use crate::world::World;

/// How many charges in a hundred are refunded or disputed at Stripe.
const REVERSED: u64 = 12;

/// The fleet and its environment. Clones share everything.
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
    pub(crate) record: Rc<RefCell<Record>>,
    /// The number of messages and timers in transit.
    in_transit: Rc<Cell<usize>>,
}

impl Fleet {
    /// Starts a fleet in this world.
    pub(crate) fn start(world: &World) -> Self {
        let clock = Clock::of_runtime(Timestamp::from_milliseconds(1_800_000_000_000));
        let (stream, events) = Stream::new(world.outsider());
        let (stripe, webhooks) = SimulatedStripe::new(world.outsider());
        let data = Data::new(world);
        let fleet = Self {
            tickets: services::tickets(world, &data, &stream, &clock),
            orders: services::orders(world, &data, &stream, &clock),
            payments: services::payments(world, &data, &stream, &stripe, &clock),
            world: world.clone(),
            clock,
            data,
            stream,
            stripe,
            record: Rc::default(),
            in_transit: Rc::default(),
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
                    && fleet.world.percent(REVERSED)
                {
                    let dashboard = Dashboard::new(&fleet, charge);
                    fleet.spawn(dashboard.reverse());
                }
                fleet.spawn(fleet.clone().send_webhook(webhook));
            }
        });
    }

    /// Whether no message, timer or request is in transit outside of the services.
    pub(crate) fn is_quiet(&self) -> bool {
        self.in_transit.get() == 0 && self.stripe.is_quiet()
    }

    /// Runs something that counts as in transit until it ends.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let in_transit = Rc::clone(&self.in_transit);
        in_transit.set(in_transit.get() + 1);
        spawn_local(async move {
            work.await;
            in_transit.set(in_transit.get() - 1);
        });
    }

    /// Records a successful response.
    pub(crate) fn acknowledge(&self, acknowledged: Acknowledged) {
        self.record.borrow_mut().acknowledged.push(acknowledged);
    }

    /// Records an error that must never occur.
    pub(crate) fn error(&self, message: String) {
        self.record.borrow_mut().errors.push(message);
    }

    /// Runs a later release of the tickets service for a moment and rolls it back before it publishes what it wrote.
    pub(crate) async fn roll_back(self, ticket: Id<kind::Ticket>) {
        sleep(Duration::from_millis(self.world.below(4_000))).await;
        let written = release::roll_back(&self.data.tickets, &self.world, ticket).await;
        self.record.borrow_mut().rolled_back.push((ticket, written));
    }

    /// One of these replicas, at random.
    pub(crate) fn any<'a, S>(&self, replicas: &'a [Replica<S>]) -> &'a Replica<S> {
        let chosen = self.world.below(replicas.len() as u64);
        &replicas[usize::try_from(chosen).expect("there are few")]
    }
}
