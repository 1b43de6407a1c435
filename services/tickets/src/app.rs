//! The composition root of the tickets service.

use base::Clock;
use messaging::feed::Feed;
use messaging::resync::Resync;
use messaging::{Consumer, Relay};
use service::App;
use service::app::{StartError, connect_broker, connect_mongo};
use telemetry::metrics::Metrics;
use web::session::Sessions;
use web::{Callers, EventStreams, Idempotency};

use crate::config::Config;
use crate::consumers::{OrderEvents, QUEUE_GROUP};
use crate::state::{AppState, CachedLists, CachedTickets};
use crate::store::TicketStore;
use crate::{DEFINITION, METRICS, NAME, feed, routes};

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
    let tickets = TicketStore::open(&database, &mut relay).await?;
    let (feed, reader) = Feed::new(broker.clone(), feed::SUBJECTS, feed::item);
    let sessions = Sessions::new(&config.session, clock.clone());
    let callers = Callers::BySession(sessions.clone());
    let keys = Idempotency::open(&database, &config.session, callers, clock).await?;
    let state = AppState {
        sessions,
        tickets: tickets.clone(),
        lists: CachedLists::until(tickets.changes().clone()),
        shown: CachedTickets::until(tickets.changes().clone()),
        streams: EventStreams::until(feed.ended().clone(), &metrics),
        feed: feed.clone(),
    };
    let changes = tickets.changes().clone();
    let orders = OrderEvents::new(tickets.clone());
    let orders = Consumer::new(broker.clone(), QUEUE_GROUP, OrderEvents::SUBJECTS, orders);
    let resync = Resync::new(broker.clone(), &database, tickets.snapshot());
    let routes = routes::table();
    Ok(
        App::new(&DEFINITION, origin, metrics, routes, state, Some(keys))
            .consumer(orders)
            .feed(reader)
            .intake(|_| changes.follow(feed))
            .intake(|stop| tickets.correct_search_keys(stop))
            .relay(relay)
            .resync(resync)
            .broker(broker)
            .database(database),
    )
}
