//! Published events stay readable. The frozen examples are never changed; new ones may be added.

use common::events::{CancellationReason, ExpirationState, OrderState, PaymentState, TicketState};
use common::{Event, OrderStatus, Price, Subject};
use serde_json::Value;

fn frozen(subject: Subject) -> &'static str {
    match subject {
        Subject::TicketCreated => include_str!("frozen/ticket-created.json"),
        Subject::TicketUpdated => include_str!("frozen/ticket-updated.json"),
        Subject::OrderCreated => include_str!("frozen/order-created.json"),
        Subject::OrderCancelled => include_str!("frozen/order-cancelled.json"),
        Subject::PaymentCreated => include_str!("frozen/payment-created.json"),
        Subject::PaymentRefunded => include_str!("frozen/payment-refunded.json"),
        Subject::ExpirationComplete => include_str!("frozen/expiration-complete.json"),
    }
}

fn ticket(version: u64, cents: i64) -> TicketState {
    TicketState {
        id: "64b7f0c2a1b2c3d4e5f60718".parse().unwrap(),
        version,
        title: "Front row".parse().unwrap(),
        price: Price::from_cents(cents).unwrap(),
        user_id: "64b7f0c2a1b2c3d4e5f60001".parse().unwrap(),
        order_id: None,
        withdrawn: false,
    }
}

fn order() -> OrderState {
    OrderState {
        id: "64b7f0c2a1b2c3d4e5f60aaa".parse().unwrap(),
        version: 0,
        status: OrderStatus::Created,
        user_id: "64b7f0c2a1b2c3d4e5f60002".parse().unwrap(),
        ticket_id: ticket(0, 1).id,
        price: Price::from_cents(1_999).unwrap(),
        expires_at: "2026-11-21T10:30:00.000Z".parse().unwrap(),
        reason: None,
    }
}

fn payment() -> PaymentState {
    PaymentState {
        id: "64b7f0c2a1b2c3d4e5f60bbb".parse().unwrap(),
        version: 2,
        order_id: order().id,
        charge_id: "ch_3PnqXY2eZvKYlo2C1gFJ7h8a".to_owned(),
        price: Price::from_cents(1_999).unwrap(),
        refund_id: None,
    }
}

fn expected(subject: Subject) -> Event {
    match subject {
        Subject::TicketCreated => Event::TicketCreated(ticket(0, 1_999)),
        Subject::TicketUpdated => Event::TicketUpdated(TicketState {
            order_id: Some(order().id),
            ..ticket(3, 2_000)
        }),
        Subject::OrderCreated => Event::OrderCreated(order()),
        Subject::OrderCancelled => Event::OrderCancelled(OrderState {
            version: 2,
            status: OrderStatus::Cancelled,
            reason: Some(CancellationReason::Expired),
            ..order()
        }),
        Subject::PaymentCreated => Event::PaymentCreated(payment()),
        Subject::PaymentRefunded => Event::PaymentRefunded(PaymentState {
            version: 4,
            refund_id: Some("re_3PnqXY2eZvKYlo2C1nQ1m2b3".to_owned()),
            ..payment()
        }),
        Subject::ExpirationComplete => Event::ExpirationComplete(ExpirationState {
            order_id: order().id,
            expires_at: order().expires_at,
        }),
    }
}

#[test]
fn every_frozen_event_is_read_as_before() {
    for subject in Subject::ALL {
        let read = Event::from_json(subject, frozen(subject).as_bytes()).unwrap();
        assert_eq!(read, expected(subject), "{subject}");
    }
}

#[test]
fn every_event_is_written_like_its_frozen_example() {
    for subject in Subject::ALL {
        let written: Value = serde_json::from_str(&expected(subject).to_json()).unwrap();
        let example: Value = serde_json::from_str(frozen(subject)).unwrap();
        assert_eq!(written, example, "{subject}");
    }
}

#[test]
fn fields_of_a_later_release_are_ignored() {
    for subject in Subject::ALL {
        let mut body: Value = serde_json::from_str(frozen(subject)).unwrap();
        body["addedLater"] = Value::from(true);
        let read = Event::from_json(subject, body.to_string().as_bytes()).unwrap();
        assert_eq!(read, expected(subject), "{subject}");
    }
}

#[test]
fn only_a_withdrawal_has_the_field_withdrawn() {
    let frozen = include_str!("frozen/ticket-withdrawn.json");
    let withdrawn = Event::TicketUpdated(TicketState {
        withdrawn: true,
        ..ticket(4, 2_000)
    });
    let read = Event::from_json(Subject::TicketUpdated, frozen.as_bytes()).unwrap();
    assert_eq!(read, withdrawn);
    let written: Value = serde_json::from_str(&withdrawn.to_json()).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(frozen).unwrap());
    let other = expected(Subject::TicketUpdated).to_json();
    assert!(!other.contains("withdrawn"), "{other}");
}

#[test]
fn an_event_has_its_subject_entity_and_version() {
    for subject in Subject::ALL {
        let event = expected(subject);
        assert_eq!(event.subject(), subject);
        let body: Value = serde_json::from_str(frozen(subject)).unwrap();
        let id = body.get("id").unwrap_or(&body["orderId"]);
        assert_eq!(event.entity_id(), id.as_str().unwrap());
        assert_eq!(event.version(), body["version"].as_u64());
    }
}

#[test]
fn subjects_have_the_names_of_the_reference_implementation() {
    let names = Subject::ALL.map(Subject::as_str);
    let reference = [
        "ticket:created",
        "ticket:updated",
        "order:created",
        "order:cancelled",
        "payment:created",
        "payment:refunded",
        "expiration:complete",
    ];
    assert_eq!(names, reference);
    assert_eq!("ticket:created".parse(), Ok(Subject::TicketCreated));
    assert!("ticket.created".parse::<Subject>().is_err());
}

#[test]
fn a_body_that_breaks_the_contract_is_refused() {
    let mut body: Value = serde_json::from_str(frozen(Subject::TicketCreated)).unwrap();
    body["price"] = Value::from("19.99");
    let read = Event::from_json(Subject::TicketCreated, body.to_string().as_bytes());
    assert!(read.unwrap_err().to_string().contains("ticket:created"));
}

#[test]
fn an_unknown_reason_of_a_later_release_counts_as_absent() {
    let mut body: serde_json::Value =
        serde_json::from_str(frozen(Subject::OrderCancelled)).unwrap();
    body["reason"] = "of a later release".into();
    let read = Event::from_json(Subject::OrderCancelled, body.to_string().as_bytes()).unwrap();
    let Event::OrderCancelled(state) = read else {
        panic!("{read:?}")
    };
    assert_eq!(state.reason, None);
}
