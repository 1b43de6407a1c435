//! What happened, by when it happened.

use bson::oid::ObjectId;
use common::{Subject, Timestamp};
use serde::Serialize;

use crate::dead_letters::Letter;
use crate::events::Told;

/// One thing that happened, or that is to happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// Whether the time is known to the second only.
    pub(crate) to_the_second: bool,
    /// Where it happened.
    pub(crate) service: String,
    pub(crate) what: String,
    pub(crate) details: String,
    /// The event's number in the stream, for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<u64>,
    /// How long after it happened the stream had it, for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) published_after_milliseconds: Option<u64>,
    /// How often it was told, for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) told: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
}

impl Moment {
    /// Something that is no event.
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
            told: None,
            trace_id: None,
        }
    }

    /// The same, of which the time is known to the second only.
    pub(crate) fn known_to_the_second(self) -> Self {
        Self {
            to_the_second: true,
            ..self
        }
    }
}

/// Puts what happened to an order in order.
#[derive(Debug)]
pub(crate) struct Timeline {
    order: String,
    ticket: Option<String>,
    /// The ticket's version that the order holds.
    held: Option<u64>,
    moments: Vec<Moment>,
    /// Subject, entity and version of the events, by their places.
    keys: Vec<(String, Option<String>, Option<u64>)>,
}

impl Timeline {
    pub(crate) fn new(order: ObjectId, ticket: Option<ObjectId>) -> Self {
        Self {
            order: order.to_hex(),
            ticket: ticket.map(ObjectId::to_hex),
            held: None,
            moments: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Adds something that is no event.
    pub(crate) fn add(&mut self, moment: Moment) {
        self.moments.push(moment);
    }

    /// Adds an event, if it is one of the order's; events come in the order of the stream.
    pub(crate) fn event(&mut self, told: &Told) {
        let Some(what) = self.meaning(told) else {
            return;
        };
        let key = (told.subject.clone(), told.entity.clone(), told.version);
        if let Some(place) = self.keys.iter().position(|known| *known == key) {
            let again = &mut self.moments[place].told;
            *again = again.map(|times| times + 1);
            return;
        }
        let late = told.published_at.since(told.happened_at).as_millis();
        let moment = Moment {
            sequence: Some(told.sequence),
            published_after_milliseconds: u64::try_from(late).ok(),
            told: Some(1),
            trace_id: told.trace_id.clone(),
            ..Moment::new(told.happened_at, service(told), what, told.words())
        };
        // Events come before everything else, so that both have the same places.
        self.moments.insert(self.keys.len(), moment);
        self.keys.push(key);
    }

    /// What the event means for the order; nothing if it is of another.
    fn meaning(&mut self, told: &Told) -> Option<&'static str> {
        let order = self.order.as_str();
        let of_order = |field: &str| told.body[field].as_str() == Some(order);
        match told.subject.parse().ok()? {
            Subject::OrderCreated if of_order("id") => {
                let ticket = told.body["ticketId"].as_str();
                self.ticket = self.ticket.take().or_else(|| ticket.map(ToOwned::to_owned));
                // Whoever tells everything again tells of what has come of it since.
                let first = told.version == Some(0);
                Some(if first {
                    "order created"
                } else {
                    "order told again"
                })
            }
            Subject::OrderCancelled if of_order("id") => Some("order cancelled"),
            Subject::PaymentCreated if of_order("orderId") => Some("payment succeeded"),
            Subject::PaymentRefunded if of_order("orderId") => Some("payment refunded"),
            Subject::ExpirationComplete if of_order("orderId") => Some("time is over"),
            Subject::TicketUpdated if of_order("orderId") => {
                self.held = self.held.max(told.version);
                Some("ticket held")
            }
            Subject::TicketUpdated => self.release(told),
            _ => None,
        }
    }

    /// The version after the one that was held frees the ticket.
    fn release(&mut self, told: &Told) -> Option<&'static str> {
        let is_ours = told.entity.is_some() && told.entity == self.ticket;
        let next = self.held? + 1;
        let is_next = told.version == Some(next);
        (is_ours && is_next).then_some("ticket released")
    }

    /// Adds an event that a consumer gave up.
    pub(crate) fn letter(&mut self, letter: &Letter) {
        let what = format!("gave up {}", letter.event.subject);
        let details = format!("dead letter {}: {}", letter.number, letter.reason);
        let service = letter.consumer.trim_end_matches("-service");
        self.add(Moment::new(letter.given_up_at, service, what, details));
    }

    /// When the order was created, if the stream says so.
    fn created_at(&self) -> Option<Timestamp> {
        let mut moments = self.moments.iter();
        let created = moments.find(|moment| moment.what == "order created")?;
        Some(created.at)
    }

    /// What happened, the earliest first. What is known to the second only did not happen before the order was there.
    pub(crate) fn in_order(mut self) -> Vec<Moment> {
        if let Some(created) = self.created_at() {
            for moment in &mut self.moments {
                if moment.to_the_second {
                    moment.at = moment.at.max(created);
                }
            }
        }
        self.moments
            .sort_by_key(|moment| (moment.at, moment.sequence.is_none()));
        self.moments
    }
}

fn service(told: &Told) -> &str {
    let by_subject = match told.subject.split(':').next() {
        Some("ticket") => "tickets",
        Some("order") => "orders",
        Some("payment") => "payments",
        _ => "expiration",
    };
    told.source.as_deref().unwrap_or(by_subject)
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;
    use serde_json::{Value, json};

    use super::*;

    const ORDER: &str = "0000000000000000000000aa";
    const TICKET: &str = "0000000000000000000000bb";
    const BUYER: &str = "0000000000000000000000cc";

    fn told(sequence: u64, subject: &str, body: &Value) -> Told {
        let at = Timestamp::from_milliseconds(i64::try_from(sequence).unwrap() * 1_000);
        let body = body.to_string();
        Told::of(
            sequence,
            at,
            subject.to_owned(),
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    fn ticket(sequence: u64, version: u64, holder: Option<&str>) -> Told {
        let mut body = json!({
            "id": TICKET, "version": version, "title": "Seat", "price": 5, "userId": BUYER,
        });
        if let Some(holder) = holder {
            body["orderId"] = holder.into();
        }
        told(sequence, "ticket:updated", &body)
    }

    fn order(sequence: u64, subject: &str, version: u64, status: &str) -> Told {
        let body = json!({
            "id": ORDER, "version": version, "status": status, "userId": BUYER, "ticketId": TICKET, "price": 5,
            "expiresAt": "2026-01-01T00:00:00.000Z",
        });
        told(sequence, subject, &body)
    }

    fn whats(timeline: Timeline) -> Vec<(String, u64)> {
        let moments = timeline.in_order().into_iter();
        moments
            .map(|moment| (moment.what, moment.told.unwrap_or(0)))
            .collect()
    }

    #[test]
    fn an_order_is_followed_from_its_creation_to_the_release_of_its_ticket() {
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
    fn what_is_told_again_is_one_event() {
        let mut timeline = Timeline::new(ORDER.parse().unwrap(), None);
        timeline.add(
            Moment::new(
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
