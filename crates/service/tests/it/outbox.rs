//! Entries that this release cannot publish stay in their outboxes and block nothing; an outbox is bounded.

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use common::{Event, Subject};
use futures::FutureExt;
use messaging::{OutboxCollection, Relay};
use mongo::{Database, in_transaction};
use mongodb::Collection;
use testkit::{TestApp, eventually};

use crate::fixtures::{Thing, fresh_database};
use crate::toy::{start, ticket};

/// More documents than a sweep reads at once.
const MANY: usize = 600;

/// The limit of events in an outbox.
const LIMIT: usize = 64;

fn things(app: &TestApp) -> Collection<Document> {
    app.database().collection("things")
}

fn thing(outbox: impl IntoIterator<Item = Bson>) -> Document {
    doc! { "_id": ObjectId::new(), "outbox": outbox.into_iter().collect::<Vec<_>>() }
}

/// An entry that was written long ago.
fn entry(subject: &str, body: impl Into<Bson>) -> Bson {
    let id = format!("left-{}", ObjectId::new());
    let time = bson::DateTime::from_millis(0);
    Bson::Document(doc! { "id": id, "subject": subject, "body": body, "time": time })
}

/// An entry that the toy can publish.
fn good(title: &str) -> Bson {
    entry(
        "ticket:updated",
        Event::TicketUpdated(ticket(title)).to_json(),
    )
}

/// An entry with a subject that only a later release knows.
fn of_another_release() -> Bson {
    entry("ticket:archived", "{}")
}

async fn expect_published(app: &TestApp, titles: &[&str]) {
    for title in titles {
        app.expect_event(
            Subject::TicketUpdated,
            |event| matches!(event, Event::TicketUpdated(state) if state.title.as_str() == *title),
        )
        .await;
    }
}

/// Waits until the published entries are removed. Then deletes all documents, and returns how many matched `filter`.
async fn delete_remaining(app: &TestApp, filter: Document) -> u64 {
    let things = things(app);
    let published = doc! { "outbox.body": { "$regex": "good" } };
    eventually("the published entries are removed", async || {
        things.count_documents(published.clone()).await.unwrap() == 0
    })
    .await;
    let remaining = things.count_documents(filter).await.unwrap();
    things.delete_many(doc! {}).await.unwrap();
    remaining
}

#[tokio::test]
async fn an_event_that_only_another_release_knows_stays_and_blocks_nothing() {
    let app = start().await;
    let foreign = (0..MANY).map(|_| thing([of_another_release()]));
    things(&app).insert_many(foreign).await.unwrap();
    let both = thing([of_another_release(), good("good beside it")]);
    things(&app).insert_one(both).await.unwrap();
    things(&app)
        .insert_one(thing([good("good elsewhere")]))
        .await
        .unwrap();
    expect_published(&app, &["good beside it", "good elsewhere"]).await;
    let foreign = doc! { "outbox.subject": "ticket:archived" };
    let remaining = delete_remaining(&app, foreign).await;
    assert_eq!(remaining, MANY as u64 + 1, "entries were lost");
    app.finish().await;
}

#[tokio::test]
async fn entries_that_are_damaged_or_not_permitted_block_nothing() {
    let app = start().await;
    // The toy must not publish ticket:created.
    let not_permitted = (0..MANY).map(|_| thing([entry("ticket:created", "{}")]));
    let long_ago = bson::DateTime::from_millis(0);
    let damaged = (0..MANY).map(|number| {
        let subject = "ticket:updated";
        thing([Bson::Document(match number % 4 {
            0 => doc! { "id": 7, "subject": subject, "body": "{}", "time": long_ago },
            1 => doc! { "id": "no body", "subject": subject, "time": long_ago },
            2 => doc! { "id": "no text", "subject": subject, "body": 7, "time": long_ago },
            _ => doc! { "time": long_ago },
        })])
    });
    things(&app)
        .insert_many(not_permitted.chain(damaged))
        .await
        .unwrap();
    let mixed = thing([
        Bson::from("garbage"),
        entry("ticket:updated", 7),
        good("good beside it"),
    ]);
    things(&app).insert_one(mixed).await.unwrap();
    things(&app)
        .insert_one(thing([good("good elsewhere")]))
        .await
        .unwrap();
    expect_published(&app, &["good beside it", "good elsewhere"]).await;
    let remaining = delete_remaining(&app, doc! { "outbox.0": { "$exists": true } }).await;
    assert_eq!(remaining, 2 * MANY as u64 + 1);
    app.finish().await;
}

#[tokio::test]
async fn an_event_that_is_too_large_for_the_broker_blocks_nothing() {
    let app = start().await;
    let too_large = entry("ticket:updated", "x".repeat(2 * 1_024 * 1_024));
    let both = thing([too_large, good("good beside it")]);
    things(&app).insert_one(both).await.unwrap();
    expect_published(&app, &["good beside it"]).await;
    let remaining = delete_remaining(&app, doc! { "outbox.0": { "$exists": true } }).await;
    assert_eq!(remaining, 1);
    app.finish().await;
}

#[tokio::test]
async fn documents_with_events_that_cannot_be_published_are_counted() {
    let app = start().await;
    let damaged = Bson::Document(doc! { "time": bson::DateTime::from_millis(0) });
    // A recent entry does not count yet: another release may be about to publish it.
    let now = bson::DateTime::now();
    let recent = doc! { "id": "a", "subject": "ticket:archived", "body": "{}", "time": now };
    let all = [
        thing([of_another_release()]),
        thing([entry("ticket:created", "{}")]),
        thing([damaged]),
        thing([Bson::Document(recent)]),
    ];
    things(&app).insert_many(all).await.unwrap();
    let things_of = [("collection", "things")];
    eventually("they are counted", async || {
        let scrape = app.metrics().await;
        scrape.count("ticketing_outbox_unpublishable_documents", &things_of) == 3
    })
    .await;
    let scrape = app.metrics().await;
    // None of them counts as waiting for the broker.
    assert_eq!(scrape.count("ticketing_outbox_documents", &things_of), 0);
    assert_eq!(
        scrape.count("ticketing_outbox_oldest_age_seconds", &things_of),
        0
    );
    things(&app).delete_many(doc! {}).await.unwrap();
    app.finish().await;
}

/// The titles in the outbox of this thing.
async fn waiting(database: &Database, id: ObjectId) -> Vec<String> {
    let things = database.collection::<Document>("things");
    let thing = things.find_one(doc! { "_id": id }).await.unwrap().unwrap();
    let outbox = thing.get_array("outbox").unwrap().iter();
    let bodies = outbox.map(|entry| entry.as_document().unwrap().get_str("body").unwrap());
    let states = bodies.map(|body| {
        let event = Event::from_json(Subject::TicketUpdated, body.as_bytes()).unwrap();
        let Event::TicketUpdated(state) = event else {
            panic!("{event:?}");
        };
        state.title.as_str().to_owned()
    });
    states.collect()
}

#[tokio::test]
async fn a_full_outbox_keeps_the_latest_events() {
    let app = start().await;
    let database = fresh_database().await;
    // This relay does not run, as if the broker were away.
    let mut relay = Relay::new(app.broker().clone());
    let things: OutboxCollection<Thing> = relay.collection(&database, "things").await.unwrap();
    let (one, other) = (ObjectId::new(), ObjectId::new());
    for id in [one, other] {
        things.insert(&Thing { id }, &[]).await.unwrap();
    }
    let event = |number: usize| Event::TicketUpdated(ticket(&format!("edit {number}")));
    for number in 0..2 * LIMIT {
        let count = doc! { "$inc": { "edits": 1_i64 } };
        let events = [event(number)];
        let updated = things.update(doc! { "_id": one }, count.clone(), &events);
        assert!(updated.await.unwrap());
        let context = (&things, event(number), count);
        let changed = in_transaction(&database, context, |session, (things, event, count)| {
            async move {
                let none = doc! { "_id": ObjectId::new() };
                things.documents().delete_many_in(session, none).await?;
                let change = (doc! { "_id": other }, count.clone(), event.clone());
                Ok(Ok::<_, ()>(things.update_many_in(session, [change]).await?))
            }
            .boxed()
        });
        assert!(changed.await.unwrap().unwrap().is_some());
    }
    let latest: Vec<_> = (LIMIT..2 * LIMIT)
        .map(|number| format!("edit {number}"))
        .collect();
    assert_eq!(waiting(&database, one).await, latest);
    assert_eq!(waiting(&database, other).await, latest);
    database.close().await;
    app.finish().await;
}
