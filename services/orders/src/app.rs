//! The composition root of the orders service.

use base::Clock;
use messaging::feed::Feed;
use messaging::resync::Resync;
use messaging::{Consumer, Relay};
use service::App;
use service::app::{StartError, connect_broker, connect_mongo};
use telemetry::metrics::Metrics;
use web::replica_waits::ReplicaWaits;
use web::session::Sessions;
use web::{Callers, EventStreams, Idempotency};

use crate::config::Config;
use crate::consumers::{Events, QUEUE_GROUP};
use crate::feed::{self, Hint};
use crate::state::{AppState, Expiration};
use crate::store::{OrderStore, TicketStore};
use crate::{DEFINITION, METRICS, NAME, routes};

/// Connects to the database and the broker and builds the service.
pub async fn build(config: Config, clock: Clock) -> Result<App, StartError> {
    let metrics = Metrics::new(
        NAME,
        &[web::METRICS, messaging::METRICS, mongo::METRICS, METRICS],
    );
    let origin = config.origin.as_ref();
    let database = connect_mongo(&config.mongo, NAME, &metrics).await?;
    let broker = connect_broker(&config.broker, &DEFINITION, &metrics).await?;
    let mut relay = Relay::new(broker.clone());
    let orders = OrderStore::open(&database, &mut relay).await?;
    let tickets = TicketStore::open(&database);
    let (feed, reader) = Feed::new(broker.clone(), feed::SUBJECTS, Hint::from_event);
    let sessions = Sessions::new(&config.session, clock.clone());
    let callers = Callers::BySession(sessions.clone());
    let keys = Idempotency::open(&database, &config.session, callers, clock.clone()).await?;
    let state = AppState {
        sessions,
        orders: orders.clone(),
        tickets: tickets.clone(),
        waits: ReplicaWaits::default(),
        clock: clock.clone(),
        expiration: Expiration(config.expiration),
        streams: EventStreams::until(feed.ended().clone(), &metrics),
        feed,
    };
    let events = Events::new(orders.clone(), tickets, clock.clone());
    let events =
        Consumer::new(broker.clone(), QUEUE_GROUP, Events::SUBJECTS, events).with_clock(clock);
    let resync = Resync::new(broker.clone(), &database, orders.snapshot());
    let routes = routes::table();
    Ok(
        App::new(&DEFINITION, origin, metrics, routes, state, Some(keys))
            .consumer(events)
            .feed(reader)
            .relay(relay)
            .resync(resync)
            .broker(broker)
            .database(database),
    )
}
