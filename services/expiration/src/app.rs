//! Puts the expiration service together.

use service::admin::ReadinessCheck;
use service::app::{StartError, Wait, connect_broker, until_available};
use service::messaging::Consumer;
use service::{App, Clock};

use crate::config::Config;
use crate::consumers::{OrderEvents, QUEUE_GROUP};
use crate::queue::{JobQueue, RedisConfig};
use crate::worker::Worker;
use crate::{NAME, routes};

/// Connects to what the service depends on and puts it together.
pub async fn build(config: Config, clock: Clock) -> Result<App, StartError> {
    let queue = connect_queue(&config.redis, &clock).await?;
    let broker = connect_broker(&config.broker, NAME).await?;
    let orders = OrderEvents::new(queue.clone());
    let orders = Consumer::new(broker.clone(), QUEUE_GROUP, OrderEvents::SUBJECTS, orders);
    let worker = Worker::new(queue.clone(), broker.clone(), clock);
    Ok(App::new(NAME, routes::table(), ())
        .consumer(orders)
        .intake(|stop| worker.run(stop))
        .ready_if(ReadinessCheck::new("redis", move || {
            let queue = queue.clone();
            async move { queue.ping().await }
        }))
        .broker(broker))
}

/// The queue, as soon as Redis answers.
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
