//! One message: read, handled, and answered for.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
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
use base::backoff::Backoff;

/// How soon an event that came too early is delivered again, at least and at most.
const SHORTEST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_hours(1);

impl<H: Handler> Consumer<H> {
    /// Handles the message and says so to the broker; or gives it back, or makes a dead letter of it. All of it is a span
    /// of the event's trace, and one line in the log.
    pub(super) async fn process(&self, message: &Message, stop: &CancellationToken) {
        let deliveries = match message.info() {
            Ok(info) => u64::try_from(info.delivered).unwrap_or(1),
            Err(_) => 1,
        };
        let event = self.read(message);
        let is_given_up = self.is_given_up(event.as_ref().ok(), deliveries);
        let subject = self.broker.without_prefix(&message.subject);
        let handling = Handling::of(self.name, subject, message, event.as_ref().ok(), deliveries);
        let delivery = Delivery {
            subject,
            began: handling.begun,
            is_readable: !matches!(event, Err(Failure::Fatal(_))),
            is_again: deliveries > 1,
            is_unsurvived: is_given_up && deliveries > self.persistence.tries,
        };
        let answered = async {
            let outcome = self.outcome(message, event, deliveries, stop).await;
            handling.ended(&outcome);
            self.metrics.handled(delivery, &outcome, handling.lag());
            let (failure, burial) = (delivery.failure(&outcome), delivery.burial(&outcome));
            let answered = self.answer(message, deliveries, outcome).await;
            self.metrics.answered(delivery, failure, answered.is_ok());
            match answered {
                Ok(()) => burial.map_or((), |reason| self.metrics.buried(reason)),
                Err(error) => {
                    tracing::warn!(%error, "not acknowledged, the event will come again");
                }
            }
        };
        answered.instrument(handling.span.clone()).await;
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
            // More deliveries than tries: whoever had it before did not live to say so.
            Ok(_) if is_given_up && deliveries > self.persistence.tries => {
                Err(Failure::Fatal("no process survived handling it".into()))
            }
            Ok(event) => self.handle_while_unavailable(message, event, stop).await,
        };
        match handled {
            Ok(()) => Outcome::Done,
            Err(Failure::Unavailable(_)) => Outcome::GivenBack,
            Err(Failure::NotBefore(early)) => Outcome::Retry {
                delay: early.clamp(SHORTEST_DELAY, LONGEST_DELAY),
                reason: Failure::NotBefore(early).into(),
            },
            Err(Failure::Retry(reason)) if !is_given_up => Outcome::Retry {
                delay: self.persistence.delays.delay_of(deliveries),
                reason,
            },
            Err(failure) => Outcome::DeadLetter(failure),
        }
    }

    /// Whether an event that was delivered so often is not tried again. Deliveries before it was due were no tries, and the
    /// broker counts them all, so such an event also has the time that its tries may take.
    fn is_given_up(&self, event: Option<&Event>, deliveries: u64) -> bool {
        let due = event.and_then(Event::due);
        let patience = self.persistence.patience();
        deliveries >= self.persistence.tries
            && due.is_none_or(|due| self.clock.now() > due.plus(patience))
    }

    async fn answer(
        &self,
        message: &Message,
        deliveries: u64,
        outcome: Outcome,
    ) -> Result<(), async_nats::Error> {
        match outcome {
            Outcome::Done => message.ack().await,
            Outcome::GivenBack => self.give_back(message, Duration::ZERO).await,
            Outcome::Retry { delay, .. } => self.give_back(message, delay).await,
            Outcome::DeadLetter(failure) => self.bury(message, deliveries, &failure).await,
        }
    }

    fn read(&self, message: &Message) -> Result<Event, Failure> {
        let name = self.broker.without_prefix(&message.subject);
        let mut handled = self.subjects.iter();
        let subject = handled
            .find(|subject| subject.as_str() == name)
            .ok_or_else(|| Failure::of_another_release(name))?;
        Event::from_json(*subject, &message.payload).map_err(|error| Failure::Fatal(error.into()))
    }

    /// Lets the handler try until what it depends on is there, so that an outage uses up no tries. Meanwhile the broker
    /// is told that the message is being worked on, lest it deliver it to another too.
    async fn handle_while_unavailable(
        &self,
        message: &Message,
        event: Event,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let at_work = async {
            loop {
                sleep(ACK_WAIT / 3).await;
                if let Err(error) = message.ack_with(AckKind::Progress).await {
                    tracing::debug!(%error, "broker not told of progress");
                }
            }
        };
        tokio::select! {
            outcome = self.try_until_available(event, Position::of(message), stop) => outcome,
            () = at_work => unreachable!("it goes on for ever"),
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

    pub(super) async fn give_back(
        &self,
        message: &Message,
        delay: Duration,
    ) -> Result<(), async_nats::Error> {
        message.ack_with(AckKind::Nak(Some(delay))).await
    }

    /// Writes the dead letter first and ends the message after: at worst there are two letters, never none.
    async fn bury(
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
