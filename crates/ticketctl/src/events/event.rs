//! An event in the stream.

use anyhow::{Result, anyhow};
use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use audit::BrokerAccess;
use common::{Event, Subject, Timestamp};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

/// An event of the stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamEvent {
    /// Its sequence number.
    pub(crate) sequence: u64,
    /// When it was stored in the stream.
    pub(crate) published_at: Timestamp,
    /// When the change happened, by the clock of the service that made it; else as above.
    pub(crate) happened_at: Timestamp,
    pub(crate) subject: String,
    /// The entity's id; absent if the event is unreadable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// The service that published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
    /// The trace that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    /// As JSON, or as text if it is not JSON.
    pub(crate) body: Value,
}

impl StreamEvent {
    /// Reads a message of the stream; returns also the number of messages after it.
    pub(crate) fn read(access: &BrokerAccess, message: &Message) -> Result<(Self, u64)> {
        let info = message
            .info()
            .map_err(|error| anyhow!("a message of the stream: {error}"))?;
        let published_at = timestamp(info.published);
        let headers = message.headers.clone().unwrap_or_default();
        let subject = access.without_prefix(&message.subject).to_owned();
        let (sequence, behind) = (info.stream_sequence, info.pending);
        let event = Self::of(sequence, published_at, subject, &headers, &message.payload);
        Ok((event, behind))
    }

    /// The event in a message with these headers.
    pub(crate) fn of(
        sequence: u64,
        published_at: Timestamp,
        subject: String,
        headers: &HeaderMap,
        payload: &[u8],
    ) -> Self {
        let header = |name: &str| headers.get(name).map(ToString::to_string);
        let event = read(&subject, payload);
        Self {
            sequence,
            published_at,
            happened_at: header("ce-time")
                .and_then(|time| time.parse().ok())
                .unwrap_or(published_at),
            entity: event.as_ref().map(Event::entity_id),
            version: event.as_ref().and_then(Event::version),
            source: header("ce-source").map(|source| source.trim_start_matches('/').to_owned()),
            message_id: header("Nats-Msg-Id"),
            trace_id: header("traceparent").and_then(|parent| trace_id(&parent)),
            body: body(payload),
            subject,
        }
    }

    /// Whether this id is in any of its fields.
    pub(crate) fn names(&self, id: &str) -> bool {
        let named = |field: &str| self.body[field].as_str() == Some(id);
        self.entity.as_deref() == Some(id)
            || ["id", "orderId", "ticketId", "userId"]
                .into_iter()
                .any(named)
    }

    /// A short description.
    pub(crate) fn summary(&self) -> String {
        let text = |field: &str| self.body[field].as_str().unwrap_or("?").to_owned();
        let price = || format!("${:.2}", self.body["price"].as_f64().unwrap_or_default());
        let also = |field: &str, label: &str| {
            let value = self.body[field].as_str();
            value.map_or_else(String::new, |value| format!(", {label} {value}"))
        };
        match self.subject.parse() {
            Ok(Subject::TicketCreated | Subject::TicketUpdated) => {
                let withdrawn = self.body["withdrawn"] == true;
                format!(
                    "{:?}, {}{}{}",
                    text("title"),
                    price(),
                    also("orderId", "held by"),
                    if withdrawn { ", withdrawn" } else { "" }
                )
            }
            Ok(Subject::OrderCreated) => format!(
                "{} for ticket {}, until {}",
                price(),
                text("ticketId"),
                text("expiresAt")
            ),
            Ok(Subject::OrderCancelled) => {
                format!("ticket {}{}", text("ticketId"), also("reason", "reason:"))
            }
            Ok(Subject::PaymentCreated) => {
                format!(
                    "{} for order {}{}",
                    price(),
                    text("orderId"),
                    also("chargeId", "charge")
                )
            }
            Ok(Subject::PaymentRefunded) => {
                format!(
                    "{} for order {}{}",
                    price(),
                    text("orderId"),
                    also("refundId", "refund")
                )
            }
            Ok(Subject::ExpirationComplete) => {
                format!("it expired at {}", text("expiresAt"))
            }
            Err(_) => "not an event of the fleet".to_owned(),
        }
    }
}

fn read(subject: &str, payload: &[u8]) -> Option<Event> {
    Event::from_json(subject.parse().ok()?, payload).ok()
}

/// The payload as JSON, or as text if it is not JSON.
pub(crate) fn body(payload: &[u8]) -> Value {
    let text = || Value::from(String::from_utf8_lossy(payload).into_owned());
    serde_json::from_slice(payload).unwrap_or_else(|_| text())
}

/// The second field of a `traceparent`: <https://www.w3.org/TR/trace-context/#traceparent-header>.
fn trace_id(parent: &str) -> Option<String> {
    let id = parent.split('-').nth(1)?;
    (id.len() == 32).then(|| id.to_owned())
}

/// A time of the broker.
pub(crate) fn timestamp(time: OffsetDateTime) -> Timestamp {
    let milliseconds = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Timestamp::from_milliseconds(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "665f1c2ab3d4e5f601234567";

    fn event(subject: &str, body: &str) -> StreamEvent {
        let mut headers = HeaderMap::new();
        headers.insert("ce-source", "/orders");
        headers.insert("ce-time", "2026-01-01T00:00:00.000Z");
        headers.insert(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        );
        let at = Timestamp::from_milliseconds(1_767_225_600_012);
        StreamEvent::of(7, at, subject.to_owned(), &headers, body.as_bytes())
    }

    #[test]
    fn an_event_has_its_entity_source_and_time() {
        let body = format!(
            r#"{{"id":"{ID}","version":2,"status":"cancelled","userId":"{ID}","ticketId":"{ID}","price":19.99,"expiresAt":"2026-01-01T00:00:00.000Z","reason":"expired"}}"#
        );
        let event = event("order:cancelled", &body);
        assert_eq!(event.entity.as_deref(), Some(ID));
        assert_eq!(event.version, Some(2));
        assert_eq!(event.source.as_deref(), Some("orders"));
        let late = event.published_at.since(event.happened_at);
        assert_eq!(late.as_millis(), 12);
        assert_eq!(
            event.trace_id.as_deref(),
            Some("0af7651916cd43dd8448eb211c80319c")
        );
        assert_eq!(event.summary(), format!("ticket {ID}, reason: expired"));
    }

    #[test]
    fn an_unreadable_body_is_shown_unchanged() {
        let event = event("ticket:updated", "{ not JSON");
        assert_eq!(event.entity, None);
        assert_eq!(event.body, "{ not JSON");
    }
}
