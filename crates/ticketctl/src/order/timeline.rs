//! The timeline of an order.

use bson::oid::ObjectId;
use common::{Subject, Timestamp};
use serde::Serialize;

use crate::dead_letters::DeadLetter;
use crate::events::StreamEvent;

/// Something that happened, or will happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) at: Timestamp,
    /// Whether the time is only known to the second.
    pub(crate) to_the_second: bool,
    /// The service in which it happened.
    pub(crate) service: String,
    pub(crate) what: String,
    pub(crate) details: String,
    /// The sequence number in the stream, for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<u64>,
    /// How long after it happened it was published, for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) published_after_milliseconds: Option<u64>,
    /// How often it was published, for an event.
    #[serde(rename = "told", skip_serializing_if = "Option::is_none")]
    pub(crate) times_published: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
}

impl Step {
    /// A step that is not an event.
    pub(crate) fn new(
        at: Timestamp,
        service: &str,
        what: impl Into<String>,
        details: impl Into<String>,
    ) -> Self {
        Self {
            at,
            to_the_second: false,
            service: service.to_owned(),
            what: what.into(),
            details: details.into(),
            sequence: None,
            published_after_milliseconds: None,
            times_published: None,
            trace_id: None,
        }
    }

    /// Marks the time as only known to the second.
    pub(crate) fn known_to_the_second(self) -> Self {
        Self {
            to_the_second: true,
            ..self
        }
    }
}

/// Sorts what happened to an order by time.
#[derive(Debug)]
pub(crate) struct Timeline {
    order: String,
    ticket: Option<String>,
    /// The ticket's version that the order holds.
    held: Option<u64>,
    steps: Vec<Step>,
    /// Subject, entity and version of the events, which are the first steps.
    keys: Vec<(String, Option<String>, Option<u64>)>,
}

impl Timeline {
    pub(crate) fn new(order: ObjectId, ticket: Option<ObjectId>) -> Self {
        Self {
            order: order.to_hex(),
            ticket: ticket.map(ObjectId::to_hex),
            held: None,
            steps: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Adds a step that is not an event.
    pub(crate) fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Adds an event if it concerns the order. Events must be added in the order of the stream.
    pub(crate) fn event(&mut self, event: &StreamEvent) {
        let Some(what) = self.meaning(event) else {
            return;
        };
        let key = (event.subject.clone(), event.entity.clone(), event.version);
        if let Some(position) = self.keys.iter().position(|known| *known == key) {
            let times = &mut self.steps[position].times_published;
            *times = times.map(|times| times + 1);
            return;
        }
        let late = event.published_at.since(event.happened_at).as_millis();
        let step = Step {
            sequence: Some(event.sequence),
            published_after_milliseconds: u64::try_from(late).ok(),
            times_published: Some(1),
            trace_id: event.trace_id.clone(),
            ..Step::new(event.happened_at, service(event), what, event.summary())
        };
        // Events are inserted before all other steps, so that their positions equal those of their keys.
        self.steps.insert(self.keys.len(), step);
        self.keys.push(key);
    }

    /// What the event means for the order; none if it concerns another.
    fn meaning(&mut self, event: &StreamEvent) -> Option<&'static str> {
        let order = self.order.as_str();
        let of_order = |field: &str| event.body[field].as_str() == Some(order);
        match event.subject.parse().ok()? {
            Subject::OrderCreated if of_order("id") => {
                let ticket = event.body["ticketId"].as_str();
                self.ticket = self.ticket.take().or_else(|| ticket.map(ToOwned::to_owned));
                // A resync publishes a later version under the same subject.
                let first = event.version == Some(0);
                Some(if first {
                    "order created"
                } else {
                    "order republished"
                })
            }
            Subject::OrderCancelled if of_order("id") => Some("order cancelled"),
            Subject::PaymentCreated if of_order("orderId") => Some("payment succeeded"),
            Subject::PaymentRefunded if of_order("orderId") => Some("payment refunded"),
            Subject::ExpirationComplete if of_order("orderId") => Some("order expired"),
            Subject::TicketUpdated if of_order("orderId") => {
                self.held = self.held.max(event.version);
                Some("ticket held")
            }
            Subject::TicketUpdated => self.release(event),
            _ => None,
        }
    }

    /// The version after the held one releases the ticket.
    fn release(&mut self, event: &StreamEvent) -> Option<&'static str> {
        let is_ours = event.entity.is_some() && event.entity == self.ticket;
        let next = self.held? + 1;
        let is_next = event.version == Some(next);
        (is_ours && is_next).then_some("ticket released")
    }

    /// Adds a dead letter.
    pub(crate) fn dead_letter(&mut self, letter: &DeadLetter) {
        let what = format!("gave up {}", letter.event.subject);
        let details = format!("dead letter {}: {}", letter.number, letter.reason);
        let service = letter.consumer.trim_end_matches("-service");
        self.add(Step::new(letter.given_up_at, service, what, details));
    }

    /// When the order was created, if that is in the stream.
    fn created_at(&self) -> Option<Timestamp> {
        let mut steps = self.steps.iter();
        let created = steps.find(|step| step.what == "order created")?;
        Some(created.at)
    }

    /// All steps, the earliest first. A step whose time is only known to the second did not precede the order's
    /// creation.
    pub(crate) fn in_order(mut self) -> Vec<Step> {
        if let Some(created) = self.created_at() {
            for step in &mut self.steps {
                if step.to_the_second {
                    step.at = step.at.max(created);
                }
            }
        }
        self.steps
            .sort_by_key(|step| (step.at, step.sequence.is_none()));
        self.steps
    }
}

fn service(event: &StreamEvent) -> &str {
    let by_subject = match event.subject.split(':').next() {
        Some("ticket") => "tickets",
        Some("order") => "orders",
        Some("payment") => "payments",
        _ => "expiration",
    };
    event.source.as_deref().unwrap_or(by_subject)
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;
    use serde_json::{Value, json};

    use super::*;

    const ORDER: &str = "0000000000000000000000aa";
    const TICKET: &str = "0000000000000000000000bb";
    const BUYER: &str = "0000000000000000000000cc";

    fn event(sequence: u64, subject: &str, body: &Value) -> StreamEvent {
        let at = Timestamp::from_milliseconds(i64::try_from(sequence).unwrap() * 1_000);
        let body = body.to_string();
        StreamEvent::of(
            sequence,
            at,
            subject.to_owned(),
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    fn ticket(sequence: u64, version: u64, holder: Option<&str>) -> StreamEvent {
        let mut body = json!({
            "id": TICKET, "version": version, "title": "Seat", "price": 5, "userId": BUYER,
        });
        if let Some(holder) = holder {
            body["orderId"] = holder.into();
        }
        event(sequence, "ticket:updated", &body)
    }

    fn order(sequence: u64, subject: &str, version: u64, status: &str) -> StreamEvent {
        let body = json!({
            "id": ORDER, "version": version, "status": status, "userId": BUYER, "ticketId": TICKET, "price": 5,
            "expiresAt": "2026-01-01T00:00:00.000Z",
        });
        event(sequence, subject, &body)
    }

    fn whats(timeline: Timeline) -> Vec<(String, u64)> {
        let steps = timeline.in_order().into_iter();
        steps
            .map(|step| (step.what, step.times_published.unwrap_or(0)))
            .collect()
    }

    #[test]
    fn an_order_is_traced_from_its_creation_to_the_release_of_its_ticket() {
        let mut timeline = Timeline::new(ORDER.parse().unwrap(), None);
        timeline.event(&order(1, "order:created", 0, "created"));
        timeline.event(&ticket(2, 1, Some(ORDER)));
        timeline.event(&ticket(3, 1, Some(BUYER)));
        timeline.event(&order(4, "order:cancelled", 2, "cancelled"));
        timeline.event(&ticket(5, 2, None));
        timeline.event(&ticket(6, 3, None));
        let expected = [
            "order created",
            "ticket held",
            "order cancelled",
            "ticket released",
        ];
        assert_eq!(whats(timeline), expected.map(|what| (what.to_owned(), 1)));
    }

    #[test]
    fn a_republished_event_is_one_step() {
        let mut timeline = Timeline::new(ORDER.parse().unwrap(), None);
        timeline.add(
            Step::new(
                Timestamp::from_milliseconds(0),
                "payments",
                "card tried",
                "",
            )
            .known_to_the_second(),
        );
        timeline.event(&order(1, "order:created", 0, "created"));
        timeline.event(&order(9, "order:created", 0, "created"));
        let expected = [
            ("order created".to_owned(), 2),
            ("card tried".to_owned(), 0),
        ];
        assert_eq!(whats(timeline), expected);
    }
}
