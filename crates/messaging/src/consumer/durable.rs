//! The durable consumer at the broker. All processes of a service share it, also those of another release.
//!
//! A release adds the subjects that it handles and never removes any: the broker skips events that match no filter, so
//! while a subject is missing, the release that handles it would lose events. A release that receives an event which it
//! does not handle releases it for the other one.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, FromConsumer, PullConsumer, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use tokio::time::{MissedTickBehavior, interval};

use super::{ACK_WAIT, Consumer, Handler, consumer_error};
use crate::broker::BrokerError;

/// The limit of unacknowledged messages over all processes: those being handled, and those that wait for a retry.
/// Failures rarely reach it (it takes 18 a second for a quarter of an hour), and retries of so many (each at least
/// every ten seconds) still leave most of a process's time to new events.
const MAX_ACK_PENDING: i64 = 16_384;

/// How often to check that the consumer still has the settings that this release needs. Earlier releases overwrote
/// them.
const CHECK_EVERY: Duration = Duration::from_secs(10);

impl<H: Handler> Consumer<H> {
    /// The consumer at the broker, created or extended if needed.
    pub(super) async fn durable(&self) -> Result<PullConsumer, BrokerError> {
        let stream = self.broker.stream();
        let stream = self.broker.jetstream().get_stream_no_info(stream);
        let stream = stream.await.map_err(consumer_error)?;
        let wanted = match stream.consumer_info(self.name).await {
            Ok(info) => {
                let config = pull::Config::try_from_consumer_config(info.config);
                let current = with_one_filter_list(config.map_err(consumer_error)?);
                let extended = extended(&current, self.config());
                if extended == current {
                    let consumer = stream.get_consumer(self.name).await;
                    return consumer.map_err(consumer_error);
                }
                extended
            }
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => self.config(),
            Err(error) => return Err(consumer_error(error)),
        };
        let consumer = stream.create_consumer(wanted).await;
        consumer.map_err(consumer_error)
    }

    /// Checks and repairs its settings regularly. Never returns.
    pub(super) async fn maintain_durable(&self) {
        let mut ticks = interval(CHECK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is immediate, and the subscription checks the settings too.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if let Err(error) = Box::pin(self.durable()).await {
                tracing::debug!(event.consumer = self.name, %error, "consumer not checked");
            }
        }
    }

    fn config(&self) -> pull::Config {
        let subjects = self.subjects.iter();
        pull::Config {
            durable_name: Some(self.name.to_owned()),
            filter_subjects: subjects
                .map(|subject| self.broker.subject(*subject))
                .collect(),
            ack_policy: consumer::AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // Tries are counted by the service, which can write a dead letter; the broker only redelivers.
            max_deliver: -1,
            max_ack_pending: MAX_ACK_PENDING,
            ..pull::Config::default()
        }
    }
}

/// The settings with all filters in `filter_subjects`: the broker stores a single filter in another field.
fn with_one_filter_list(mut config: pull::Config) -> pull::Config {
    let single = std::mem::take(&mut config.filter_subject);
    if !single.is_empty() {
        config.filter_subjects.push(single);
    }
    config
}

/// The consumer's current settings, extended by ours. Filters of other releases stay.
fn extended(current: &pull::Config, wanted: pull::Config) -> pull::Config {
    let mut filter_subjects = current.filter_subjects.clone();
    for subject in wanted.filter_subjects {
        if !filter_subjects.contains(&subject) {
            filter_subjects.push(subject);
        }
    }
    pull::Config {
        filter_subjects,
        ack_policy: wanted.ack_policy,
        ack_wait: wanted.ack_wait,
        max_deliver: wanted.max_deliver,
        max_ack_pending: current.max_ack_pending.max(wanted.max_ack_pending),
        ..current.clone()
    }
}
