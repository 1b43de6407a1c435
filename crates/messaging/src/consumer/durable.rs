//! The consumer at the broker, which all processes of a service share, also those of another release.
//!
//! A release adds the subjects that it handles and never removes any: the broker skips what no filter names, so for as long
//! as one was missing, its events would be lost to the release that handles them. What a release gets and does not handle
//! it gives back for the other one.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, FromConsumer, PullConsumer, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use tokio::time::{MissedTickBehavior, interval};

use super::{ACK_WAIT, Consumer, Handler, consumer_error};
use crate::broker::BrokerError;

/// How many messages the broker has out at once, over all processes: those in hand, and those that wait for a retry, which
/// it counts too. So many that failures rarely reach it (18 a second for a quarter of an hour), and few enough that retries
/// (each at least every ten seconds) leave most of a process's time to new events.
const MAX_ACK_PENDING: i64 = 16_384;

/// How often to look whether the consumer is still as this release needs it. Releases before this one overwrote it.
const LOOK_EVERY: Duration = Duration::from_secs(10);

impl<H: Handler> Consumer<H> {
    /// The consumer at the broker, made or widened if it has to be.
    pub(super) async fn durable(&self) -> Result<PullConsumer, BrokerError> {
        let stream = self.broker.stream();
        let stream = self.broker.jetstream().get_stream_no_info(stream);
        let stream = stream.await.map_err(consumer_error)?;
        let wanted = match stream.consumer_info(self.name).await {
            Ok(info) => {
                let config = pull::Config::try_from_consumer_config(info.config);
                let is = with_filters_in_one_place(config.map_err(consumer_error)?);
                let wanted = widened(&is, self.config());
                if wanted == is {
                    let consumer = stream.get_consumer(self.name).await;
                    return consumer.map_err(consumer_error);
                }
                wanted
            }
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => self.config(),
            Err(error) => return Err(consumer_error(error)),
        };
        let consumer = stream.create_consumer(wanted).await;
        consumer.map_err(consumer_error)
    }

    /// Looks regularly whether it is as it must be, for ever.
    pub(super) async fn keep_durable(&self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once, as is the subscription.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if let Err(error) = Box::pin(self.durable()).await {
                tracing::debug!(event.consumer = self.name, %error, "consumer not looked at");
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
            // Tries are counted here, where a dead letter can be written; the broker only delivers.
            max_deliver: -1,
            max_ack_pending: MAX_ACK_PENDING,
            ..pull::Config::default()
        }
    }
}

/// The broker keeps a single filter in a field of its own.
fn with_filters_in_one_place(mut config: pull::Config) -> pull::Config {
    let single = std::mem::take(&mut config.filter_subject);
    if !single.is_empty() {
        config.filter_subjects.push(single);
    }
    config
}

/// The consumer's settings with ours, and with all that it has for others.
fn widened(is: &pull::Config, wanted: pull::Config) -> pull::Config {
    let mut filter_subjects = is.filter_subjects.clone();
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
        max_ack_pending: is.max_ack_pending.max(wanted.max_ack_pending),
        ..is.clone()
    }
}
