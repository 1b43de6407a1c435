//! The delivery of one message: it is read, handled, and acknowledged.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use base::backoff::Backoff;
use common::Event;
use futures::FutureExt;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{ACK_WAIT, Consumer, Failure, Handler};
use crate::dead_letter::DeadLetters;
use crate::metrics::Delivery;
use crate::position::Position;
use crate::trace::{Handling, Outcome};

/// The limits of the delay after which an event that came too early is redelivered.
const SHORTEST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_hours(1);

impl<H: Handler> Consumer<H> {
    /// Handles the message and acknowledges it, releases it, or turns it into a dead letter. This is one span of the
    /// event's trace, and one log line.
    pub(super) async fn process(&self, message: &Message, stop: &CancellationToken) {
        let deliveries = match message.info() {
            Ok(info) => u64::try_from(info.delivered).unwrap_or(1),
            Err(_) => 1,
        };
        let event = self.read(message);
        let is_given_up = self.is_given_up(event.as_ref().ok(), deliveries);
        let subject = self.broker.without_prefix(&message.subject);
        let handling =
            Handling::begin(self.name, subject, message, event.as_ref().ok(), deliveries);
        let delivery = Delivery {
            subject,
            began: handling.began,
            is_readable: !matches!(event, Err(Failure::Fatal(_))),
            is_redelivery: deliveries > 1,
            exceeds_tries: is_given_up && deliveries > self.retry_policy.tries,
        };
        let processing = async {
            let outcome = self.outcome(message, event, deliveries, stop).await;
            handling.end(&outcome);
            self.metrics.handled(delivery, &outcome, handling.lag());
            let failure = delivery.failure(&outcome);
            let reason = delivery.dead_letter_reason(&outcome);
            let acknowledged = self.acknowledge(message, deliveries, outcome).await;
            self.metrics
                .processed(delivery, failure, acknowledged.is_ok());
            match acknowledged {
                Ok(()) => reason.map_or((), |reason| self.metrics.dead_letter_written(reason)),
                Err(error) => {
                    tracing::warn!(%error, "event not acknowledged, it will be redelivered");
                }
            }
        };
        processing.instrument(handling.span.clone()).await;
    }

    async fn outcome(
        &self,
        message: &Message,
        event: Result<Event, Failure>,
        deliveries: u64,
        stop: &CancellationToken,
    ) -> Outcome {
        let is_given_up = self.is_given_up(event.as_ref().ok(), deliveries);
        let handled = match event {
            Err(failure) => Err(failure),
            // More deliveries than tries: the processes that received it died while handling it.
            Ok(_) if is_given_up && deliveries > self.retry_policy.tries => {
                Err(Failure::Fatal("no process survived handling it".into()))
            }
            Ok(event) => self.handle_while_unavailable(message, event, stop).await,
        };
        match handled {
            Ok(()) => Outcome::Done,
            Err(Failure::Unavailable(_)) => Outcome::Released,
            Err(Failure::NotBefore(early)) => Outcome::Retry {
                delay: early.clamp(SHORTEST_DELAY, LONGEST_DELAY),
                reason: Failure::NotBefore(early).into(),
            },
            Err(Failure::Retry(reason)) if !is_given_up => Outcome::Retry {
                delay: self.retry_policy.delays.delay_of(deliveries),
                reason,
            },
            Err(failure) => Outcome::DeadLetter(failure),
        }
    }

    /// Whether an event is not tried again after this many deliveries. Deliveries before an event was due do not count
    /// as tries, but the broker counts them. Such an event is therefore also tried until its time limit is over.
    fn is_given_up(&self, event: Option<&Event>, deliveries: u64) -> bool {
        let due = event.and_then(Event::due);
        let limit = self.retry_policy.time_limit();
        deliveries >= self.retry_policy.tries
            && due.is_none_or(|due| self.clock.now() > due.plus(limit))
    }

    async fn acknowledge(
        &self,
        message: &Message,
        deliveries: u64,
        outcome: Outcome,
    ) -> Result<(), async_nats::Error> {
        match outcome {
            Outcome::Done => message.ack().await,
            Outcome::Released => self.release(message, Duration::ZERO).await,
            Outcome::Retry { delay, .. } => self.release(message, delay).await,
            Outcome::DeadLetter(failure) => self.dead_letter(message, deliveries, &failure).await,
        }
    }

    fn read(&self, message: &Message) -> Result<Event, Failure> {
        let name = self.broker.without_prefix(&message.subject);
        let mut subjects = self.subjects.iter();
        let subject = subjects
            .find(|subject| subject.as_str() == name)
            .ok_or_else(|| Failure::of_another_release(name))?;
        Event::from_json(*subject, &message.payload).map_err(|error| Failure::Fatal(error.into()))
    }

    /// Calls the handler until its dependencies are available, so that an outage uses up no tries. Meanwhile the broker
    /// receives progress acknowledgements, so that it does not redeliver the message to another process.
    async fn handle_while_unavailable(
        &self,
        message: &Message,
        event: Event,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let report_progress = async {
            loop {
                sleep(ACK_WAIT / 3).await;
                if let Err(error) = message.ack_with(AckKind::Progress).await {
                    tracing::debug!(%error, "progress not reported to the broker");
                }
            }
        };
        tokio::select! {
            outcome = self.try_until_available(event, Position::of(message), stop) => outcome,
            () = report_progress => unreachable!("it never returns"),
        }
    }

    async fn try_until_available(
        &self,
        event: Event,
        position: Option<Position>,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let mut delays = Backoff::new(Duration::from_millis(100), Duration::from_secs(3));
        loop {
            let handling = self.handler.handle_at(event.clone(), position);
            let handled = AssertUnwindSafe(handling)
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(Failure::Retry("the handler panicked".into())));
            match handled {
                Err(Failure::Unavailable(error)) if !stop.is_cancelled() => {
                    tracing::warn!(%error, "waiting for a dependency");
                    stop.run_until_cancelled(sleep(delays.next_delay())).await;
                }
                outcome => return outcome,
            }
        }
    }

    pub(super) async fn release(
        &self,
        message: &Message,
        delay: Duration,
    ) -> Result<(), async_nats::Error> {
        message.ack_with(AckKind::Nak(Some(delay))).await
    }

    /// Writes the dead letter before it terminates the message: a crash in between may duplicate it, but never lose it.
    async fn dead_letter(
        &self,
        message: &Message,
        deliveries: u64,
        failure: &Failure,
    ) -> Result<(), async_nats::Error> {
        DeadLetters::new(self.broker.clone())
            .write(self.name, message, deliveries, &failure.to_string())
            .await?;
        message.ack_with(AckKind::Term).await
    }
}
