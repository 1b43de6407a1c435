//! The five rules of messaging.

use std::time::{Duration, Instant};

use async_nats::jetstream::message::PublishMessage;
use common::{Event, Subject};
use messaging::Outgoing;
use testkit::{Condition, Proxy, Servers, eventually};

use crate::toy::{leave_in_outbox, start, start_with, ticket, times_seen};

#[tokio::test]
async fn an_event_that_is_handled_is_handled_once() {
    let app = start().await;
    let ticket = ticket("fine");
    app.publish(Event::TicketCreated(ticket.clone())).await;
    eventually("it is handled", async || {
        times_seen(&app, &ticket).await == 1
    })
    .await;
    let app = app.restart().await;
    let marker = self::ticket("after the restart");
    app.publish(Event::TicketCreated(marker.clone())).await;
    eventually("the next is handled", async || {
        times_seen(&app, &marker).await == 1
    })
    .await;
    assert_eq!(times_seen(&app, &ticket).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn an_event_to_be_retried_comes_again_until_it_works() {
    let app = start().await;
    let ticket = ticket("the third time");
    app.publish(Event::TicketCreated(ticket.clone())).await;
    eventually("it works", async || times_seen(&app, &ticket).await == 3).await;
    app.finish().await;
}

#[tokio::test]
async fn an_event_out_of_tries_becomes_a_dead_letter() {
    let app = start().await;
    let ticket = ticket("not now");
    app.publish(Event::TicketCreated(ticket.clone())).await;
    let letter = app.take_dead_letter().await;
    assert_eq!(letter.consumer, "toy-service");
    assert_eq!(letter.subject, "ticket:created");
    assert_eq!(letter.reason, "it says so");
    assert_eq!(times_seen(&app, &ticket).await, 4);
    app.finish().await;
}

#[tokio::test]
async fn a_handler_that_panics_harms_nobody_else() {
    let app = start().await;
    app.publish(Event::TicketCreated(ticket("deadly"))).await;
    let next = ticket("fine");
    app.publish(Event::TicketCreated(next.clone())).await;
    eventually("the next is handled", async || {
        times_seen(&app, &next).await == 1
    })
    .await;
    let letter = app.take_dead_letter().await;
    assert_eq!(letter.reason, "the handler panicked");
    app.finish().await;
}

#[tokio::test]
async fn a_fatal_event_is_a_dead_letter_at_once() {
    let app = start().await;
    let ticket = ticket("never");
    app.publish(Event::TicketCreated(ticket.clone())).await;
    app.take_dead_letter().await;
    assert_eq!(times_seen(&app, &ticket).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn an_unreadable_event_is_a_dead_letter_and_holds_up_nobody() {
    let app = start().await;
    let subject = app.broker().subject(Subject::TicketCreated);
    let garbage = PublishMessage::build().payload("garbage".into());
    let sent = app
        .broker()
        .jetstream()
        .send_publish(subject, garbage)
        .await;
    sent.unwrap().await.unwrap();
    let next = ticket("fine");
    app.publish(Event::TicketCreated(next.clone())).await;
    eventually("the next is handled", async || {
        times_seen(&app, &next).await == 1
    })
    .await;
    let letter = app.take_dead_letter().await;
    assert_eq!(letter.body, b"garbage");
    assert!(letter.reason.contains("unreadable"), "{}", letter.reason);
    app.finish().await;
}

#[tokio::test]
async fn an_outage_of_a_dependency_uses_up_no_tries() {
    let app = start().await;
    let ticket = ticket("after an outage");
    app.publish(Event::TicketCreated(ticket.clone())).await;
    eventually("it works", async || times_seen(&app, &ticket).await == 10).await;
    app.finish().await;
}

#[tokio::test]
async fn what_a_dead_process_left_in_an_outbox_is_published() {
    let app = start().await;
    let ticket = ticket("left behind");
    leave_in_outbox(&app, &ticket).await;
    let told = app.expect_event(Subject::TicketUpdated, |_| true).await;
    assert_eq!(told, Event::TicketUpdated(ticket));
    app.finish().await;
}

#[tokio::test]
async fn an_event_published_twice_under_one_id_is_stored_once() {
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
    let stream = app.broker().stream();
    app.broker()
        .jetstream()
        .delete_stream(stream)
        .await
        .unwrap();
    app.broker().ensure_streams().await.unwrap();
    app.expect_event(Subject::TicketUpdated, |event| {
        event.entity_id() == left.id.to_string()
    })
    .await;
    // The consumer, which went with the stream, is back too.
    let next = ticket("fine");
    app.publish(Event::TicketCreated(next.clone())).await;
    eventually("the next is handled", async || {
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
    let stream = app.broker().stream();
    let sights = app.database().collection::<bson::Document>("streams");
    let all_seen = bson::doc! { "_id": stream, "last": 3_i64 };
    eventually("the service has seen all of the stream", async || {
        sights.find_one(all_seen.clone()).await.unwrap()
    })
    .await;
    let stream = app.broker().jetstream().get_stream(stream).await.unwrap();
    stream.delete_message(2).await.unwrap();
    app.expect_event(Subject::TicketUpdated, |event| {
        event.entity_id() == things[1].id.to_string()
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn a_consumer_whose_connection_was_cut_goes_on_soon_after() {
    let nats = Servers::shared().await.nats().address();
    let proxy = Proxy::start(nats.parse().unwrap()).await.unwrap();
    let app = start_with([("NATS_URL", format!("nats://{}", proxy.address()))]).await;
    for _ in 0..3 {
        proxy.set(Condition::Cut);
        let ticket = ticket("fine");
        app.publish(Event::TicketCreated(ticket.clone())).await;
        // Longer than the client's first tries.
        let cut = Instant::now();
        eventually("a while is over", async || {
            (cut.elapsed() > Duration::from_secs(3)).then_some(())
        })
        .await;
        proxy.set(Condition::Open);
        eventually("it is handled", async || {
            times_seen(&app, &ticket).await == 1
        })
        .await;
    }
    app.finish().await;
}

#[tokio::test]
async fn an_operator_can_ask_for_everything_again() {
    let app = start().await;
    leave_in_outbox(&app, &ticket("a thing")).await;
    app.expect_event(Subject::TicketUpdated, |_| true).await;
    let answer = app.admin().post("/resync", serde_json::json!({})).await;
    assert_eq!((answer.status, &answer.json["events"]), (200, &1.into()));
    assert_eq!(app.published(Subject::TicketUpdated).await.len(), 2);
    app.finish().await;
}
