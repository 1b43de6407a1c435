//! An event as it lies in the stream, and what it says in a few words.

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
pub(crate) struct Told {
    /// Its number in the stream.
    pub(crate) sequence: u64,
    /// When the stream had it.
    pub(crate) published_at: Timestamp,
    /// When what it tells of happened, by the clock of whoever tells; as above if that is not said.
    pub(crate) happened_at: Timestamp,
    pub(crate) subject: String,
    /// What it is about; absent for what nobody can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// Who told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
    /// The trace that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    /// As JSON, or as text if it is none.
    pub(crate) body: Value,
}

impl Told {
    /// Reads a message of the stream; gives how many are behind it, too.
    pub(crate) fn read(access: &BrokerAccess, message: &Message) -> Result<(Self, u64)> {
        let info = message
            .info()
            .map_err(|error| anyhow!("a message of the stream: {error}"))?;
        let published_at = moment(info.published);
        let headers = message.headers.clone().unwrap_or_default();
        let subject = access.without_prefix(&message.subject).to_owned();
        let (sequence, behind) = (info.stream_sequence, info.pending);
        let told = Self::of(sequence, published_at, subject, &headers, &message.payload);
        Ok((told, behind))
    }

    /// The event that a message with these headers is.
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

    /// Whether it names this one anywhere.
    pub(crate) fn names(&self, id: &str) -> bool {
        let named = |field: &str| self.body[field].as_str() == Some(id);
        self.entity.as_deref() == Some(id)
            || ["id", "orderId", "ticketId", "userId"]
                .into_iter()
                .any(named)
    }

    /// What it says, in a few words.
    pub(crate) fn words(&self) -> String {
        let text = |field: &str| self.body[field].as_str().unwrap_or("?").to_owned();
        let price = || format!("${:.2}", self.body["price"].as_f64().unwrap_or_default());
        let also = |field: &str, words: &str| {
            let value = self.body[field].as_str();
            value.map_or_else(String::new, |value| format!(", {words} {value}"))
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
                format!(
                    "ticket {}{}",
                    text("ticketId"),
                    also("reason", "by reason:")
                )
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
                format!("its time was over at {}", text("expiresAt"))
            }
            Err(_) => "not an event of the fleet".to_owned(),
        }
    }
}

fn read(subject: &str, payload: &[u8]) -> Option<Event> {
    Event::from_json(subject.parse().ok()?, payload).ok()
}

/// The payload as JSON, or as text if it is none.
pub(crate) fn body(payload: &[u8]) -> Value {
    let text = || Value::from(String::from_utf8_lossy(payload).into_owned());
    serde_json::from_slice(payload).unwrap_or_else(|_| text())
}

/// The second field of a `traceparent`: <https://www.w3.org/TR/trace-context/#traceparent-header>.
fn trace_id(parent: &str) -> Option<String> {
    let id = parent.split('-').nth(1)?;
    (id.len() == 32).then(|| id.to_owned())
}

/// The moment as the broker has it.
pub(crate) fn moment(time: OffsetDateTime) -> Timestamp {
    let milliseconds = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Timestamp::from_milliseconds(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "665f1c2ab3d4e5f601234567";

    fn told(subject: &str, body: &str) -> Told {
        let mut headers = HeaderMap::new();
        headers.insert("ce-source", "/orders");
        headers.insert("ce-time", "2026-01-01T00:00:00.000Z");
        headers.insert(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        );
        let at = Timestamp::from_milliseconds(1_767_225_600_012);
        Told::of(7, at, subject.to_owned(), &headers, body.as_bytes())
    }

    #[test]
    fn an_event_says_what_it_is_about_and_who_told_it_when() {
        let body = format!(
            r#"{{"id":"{ID}","version":2,"status":"cancelled","userId":"{ID}","ticketId":"{ID}","price":19.99,"expiresAt":"2026-01-01T00:00:00.000Z","reason":"expired"}}"#
        );
        let told = told("order:cancelled", &body);
        assert_eq!(told.entity.as_deref(), Some(ID));
        assert_eq!(told.version, Some(2));
        assert_eq!(told.source.as_deref(), Some("orders"));
        let late = told.published_at.since(told.happened_at);
        assert_eq!(late.as_millis(), 12);
        assert_eq!(
            told.trace_id.as_deref(),
            Some("0af7651916cd43dd8448eb211c80319c")
        );
        assert_eq!(told.words(), format!("ticket {ID}, by reason: expired"));
    }

    #[test]
    fn what_nobody_can_read_is_shown_as_it_is() {
        let told = told("ticket:updated", "{ not JSON");
        assert_eq!(told.entity, None);
        assert_eq!(told.body, "{ not JSON");
    }
}
