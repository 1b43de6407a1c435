//! The composition root of the expiration service.

use base::Clock;
use messaging::Consumer;
use service::App;
use service::admin::ReadinessCheck;
use service::app::{StartError, Wait, connect_broker, until_available};
use telemetry::metrics::Metrics;
use utoipa_axum::router::OpenApiRouter;

use crate::config::Config;
use crate::consumers::{OrderEvents, QUEUE_GROUP};
use crate::queue::{JobQueue, RedisConfig};
use crate::reschedule::Reschedule;
use crate::worker::Worker;
use crate::{DEFINITION, METRICS, NAME, board, metrics};

/// Connects to Redis and the broker, and builds the service.
pub async fn build(config: Config, clock: Clock) -> Result<App, StartError> {
    let registry = Metrics::new(NAME, &[web::METRICS, messaging::METRICS, METRICS]);
    let queue = connect_queue(&config.redis, &clock).await?;
    metrics::register(&queue, &registry);
    let broker = connect_broker(&config.broker, &DEFINITION, &registry).await?;
    let reschedule = Reschedule::new(queue.clone(), broker.clone());
    let orders = OrderEvents::new(queue.clone(), reschedule.progress(), clock.clone());
    let orders = Consumer::new(broker.clone(), QUEUE_GROUP, OrderEvents::SUBJECTS, orders);
    let worker = Worker::new(queue.clone(), broker.clone(), reschedule, clock);
    let (origin, routes) = (config.origin.as_ref(), OpenApiRouter::new());
    Ok(App::new(&DEFINITION, origin, registry, routes, (), None)
        .consumer(orders)
        .intake(|stop| worker.run(stop))
        .admin_routes(board::routes(queue.clone()))
        .ready_if(ReadinessCheck::new("redis", move || {
            let queue = queue.clone();
            async move { queue.ping().await }
        }))
        .broker(broker))
}

/// Opens the queue and waits until Redis answers.
async fn connect_queue(config: &RedisConfig, clock: &Clock) -> Result<JobQueue, StartError> {
    let queue = JobQueue::open(config, clock.clone())
        .map_err(|error| StartError::Other(error.to_string()))?;
    until_available("Redis", || async {
        let pinged = queue.ping().await;
        pinged.map_err(|error| Wait::Longer(error.to_string()))
    })
    .await?;
    Ok(queue)
}
