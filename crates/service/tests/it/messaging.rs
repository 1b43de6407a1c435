//! The five rules of messaging.

use std::time::{Duration, Instant};

use async_nats::jetstream::message::PublishMessage;
use common::{Event, Subject};
use messaging::Outgoing;
use testkit::{Condition, Proxy, Servers, eventually};

use crate::fixtures::{recreate_stream, stream_of};
use crate::toy::{create, expect_seen, leave_in_outbox, start, start_with, ticket, times_seen};

#[tokio::test]
async fn a_handled_event_is_not_redelivered_after_a_restart() {
    let app = start().await;
    let ticket = create(&app, "fine").await;
    expect_seen(&app, &ticket, 1).await;
    let app = app.restart().await;
    let marker = create(&app, "after the restart").await;
    expect_seen(&app, &marker, 1).await;
    assert_eq!(times_seen(&app, &ticket).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn an_event_to_be_retried_is_redelivered_until_it_is_handled() {
    let app = start().await;
    let ticket = create(&app, "third try").await;
    expect_seen(&app, &ticket, 3).await;
    app.finish().await;
}

#[tokio::test]
async fn an_event_out_of_tries_becomes_a_dead_letter() {
    let app = start().await;
    let ticket = create(&app, "retry").await;
    let letter = app.take_dead_letter().await;
    assert_eq!(letter.consumer, "toy-service");
    assert_eq!(letter.subject, "ticket:created");
    assert_eq!(letter.reason, "on purpose");
    assert_eq!(times_seen(&app, &ticket).await, 4);
    app.finish().await;
}

#[tokio::test]
async fn a_handler_that_panics_does_not_block_other_events() {
    let app = start().await;
    create(&app, "panic").await;
    let next = create(&app, "fine").await;
    expect_seen(&app, &next, 1).await;
    let letter = app.take_dead_letter().await;
    assert_eq!(letter.reason, "the handler panicked");
    app.finish().await;
}

#[tokio::test]
async fn a_fatal_failure_makes_a_dead_letter_at_once() {
    let app = start().await;
    let ticket = create(&app, "fatal").await;
    app.take_dead_letter().await;
    assert_eq!(times_seen(&app, &ticket).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn an_unreadable_event_becomes_a_dead_letter_and_blocks_nothing() {
    let app = start().await;
    let subject = app.broker().subject(Subject::TicketCreated);
    let garbage = PublishMessage::build().payload("garbage".into());
    let sent = app
        .broker()
        .jetstream()
        .send_publish(subject, garbage)
        .await;
    sent.unwrap().await.unwrap();
    let next = create(&app, "fine").await;
    expect_seen(&app, &next, 1).await;
    let letter = app.take_dead_letter().await;
    assert_eq!(letter.body, b"garbage");
    assert!(letter.reason.contains("unreadable"), "{}", letter.reason);
    app.finish().await;
}

#[tokio::test]
async fn an_outage_of_a_dependency_uses_up_no_tries() {
    let app = start().await;
    let ticket = create(&app, "outage").await;
    expect_seen(&app, &ticket, 10).await;
    app.finish().await;
}

#[tokio::test]
async fn events_that_a_dead_process_left_in_outboxes_are_published() {
    let app = start().await;
    let ticket = ticket("left behind");
    leave_in_outbox(&app, &ticket).await;
    let published = app.expect_event(Subject::TicketUpdated, |_| true).await;
    assert_eq!(published, Event::TicketUpdated(ticket));
    app.finish().await;
}

#[tokio::test]
async fn an_event_published_twice_with_the_same_id_is_stored_once() {
    let app = start().await;
    let event = Event::TicketUpdated(ticket("once"));
    let message = Outgoing::new("the-same-id".to_owned(), &event, app.clock().now());
    app.broker().publish(&message).await.unwrap();
    app.broker().publish(&message).await.unwrap();
    assert_eq!(app.published(Subject::TicketUpdated).await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_new_stream_is_filled_with_the_state_of_everything() {
    let app = start().await;
    let left = ticket("a thing");
    leave_in_outbox(&app, &left).await;
    app.expect_event(Subject::TicketUpdated, |_| true).await;
    recreate_stream(&app).await;
    app.expect_event(Subject::TicketUpdated, |event| {
        event.entity_id() == left.id.to_string()
    })
    .await;
    // The consumer was deleted with the stream and is recreated too.
    let next = create(&app, "fine").await;
    eventually("the next event is handled", async || {
        times_seen(&app, &next).await >= 1
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn a_stream_that_lost_a_message_is_filled_again() {
    let app = start().await;
    let things = ["first", "second", "third"].map(ticket);
    for thing in &things {
        leave_in_outbox(&app, thing).await;
        app.expect_event(Subject::TicketUpdated, |event| {
            event.entity_id() == thing.id.to_string()
        })
        .await;
    }
    let states = app.database().collection::<bson::Document>("streams");
    let complete = bson::doc! { "_id": app.broker().stream(), "last": 3_i64 };
    eventually("the service has stored the stream's state", async || {
        states.find_one(complete.clone()).await.unwrap()
    })
    .await;
    stream_of(&app).await.delete_message(2).await.unwrap();
    app.expect_event(Subject::TicketUpdated, |event| {
        event.entity_id() == things[1].id.to_string()
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn a_consumer_resumes_soon_after_its_connection_was_cut() {
    let nats = Servers::shared().await.nats().address();
    let proxy = Proxy::start(nats.parse().unwrap()).await.unwrap();
    let app = start_with([("NATS_URL", format!("nats://{}", proxy.address()))]).await;
    for _ in 0..3 {
        proxy.set(Condition::Cut);
        let ticket = create(&app, "fine").await;
        // Longer than the client's first attempts to reconnect.
        let cut = Instant::now();
        eventually("some seconds have passed", async || {
            cut.elapsed() > Duration::from_secs(3)
        })
        .await;
        proxy.set(Condition::Open);
        expect_seen(&app, &ticket, 1).await;
    }
    app.finish().await;
}

#[tokio::test]
async fn an_operator_can_request_a_re_emission() {
    let app = start().await;
    leave_in_outbox(&app, &ticket("a thing")).await;
    app.expect_event(Subject::TicketUpdated, |_| true).await;
    let answer = app.admin().post("/resync", serde_json::json!({})).await;
    assert_eq!((answer.status, &answer.json["events"]), (200, &1.into()));
    assert_eq!(app.published(Subject::TicketUpdated).await.len(), 2);
    app.finish().await;
}
