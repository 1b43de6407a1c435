//! The composition root: connects to the dependencies and wires the payments service.

use base::Clock;
use messaging::resync::Resync;
use messaging::{Consumer, Relay};
use service::App;
use service::app::{StartError, connect_broker, connect_mongo};
use telemetry::metrics::Metrics;
use tokio_util::sync::CancellationToken;
use web::replica_waits::ReplicaWaits;
use web::session::Sessions;
use web::{Callers, Idempotency};

use crate::config::Config;
use crate::consumers::{OrderEvents, QUEUE_GROUP};
use crate::settlement::Settlement;
use crate::state::AppState;
use crate::store::{OrderStore, PaymentStore};
use crate::stripe::{Stripe, Webhooks};
use crate::{DEFINITION, METRICS, NAME, routes};

/// Builds the service from its configuration.
pub async fn build(config: Config, clock: Clock) -> Result<App, StartError> {
    let closing = CancellationToken::new();
    let metrics = Metrics::new(
        NAME,
        &[web::METRICS, messaging::METRICS, mongo::METRICS, METRICS],
    );
    let origin = config.origin.as_ref();
    let stripe = Stripe::new(&config.stripe, closing.clone(), &metrics)?;
    let database = connect_mongo(&config.mongo, NAME, &metrics).await?;
    let broker = connect_broker(&config.broker, &DEFINITION, &metrics).await?;
    let mut relay = Relay::new(broker.clone());
    let payments = PaymentStore::open(&database, &mut relay).await?;
    let orders = OrderStore::open(&database);
    let snapshot = payments.snapshot();
    let settlement = Settlement::new(orders.clone(), payments, stripe, clock.clone(), closing);
    let sessions = Sessions::new(&config.session, clock.clone());
    let callers = Callers::BySession(sessions.clone());
    let keys = Idempotency::open(&database, &config.session, callers, clock.clone()).await?;
    let state = AppState {
        sessions,
        clock,
        orders: orders.clone(),
        waits: ReplicaWaits::default(),
        settlement: settlement.clone(),
        webhooks: Webhooks::new(&config.stripe, &metrics),
    };
    let events = OrderEvents::new(orders, settlement.clone());
    let consumer = Consumer::new(broker.clone(), QUEUE_GROUP, OrderEvents::SUBJECTS, events);
    let resync = Resync::new(broker.clone(), &database, snapshot);
    let routes = routes::table();
    Ok(
        App::new(&DEFINITION, origin, metrics, routes, state, Some(keys))
            .consumer(consumer)
            .intake(|stop| settlement.run(stop))
            .relay(relay)
            .resync(resync)
            .broker(broker)
            .database(database),
    )
}
