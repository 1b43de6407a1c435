//! A long outage of the broker.

use bson::{Document, doc};
use common::{Event, Subject};
use mongo::object_id;
use serde_json::json;
use testkit::{Condition, Proxy, Servers, TestApp};

use crate::{sell, show};

/// Many more edits than an outbox should hold events.
const EDITS: u64 = 2_000;

/// Less than the events of all edits would take, in bytes.
const SIZE_LIMIT: usize = 100_000;

#[tokio::test]
async fn a_ticket_edited_thousands_of_times_during_an_outage_stays_small_and_is_published() {
    let nats = Servers::shared().await.nats().address();
    let proxy = Proxy::start(nats.parse().unwrap()).await.unwrap();
    let app = TestApp::new(tickets::NAME)
        .set("NATS_URL", format!("nats://{}", proxy.address()))
        .start(tickets::Config::read, tickets::build)
        .await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    app.expect_event(Subject::TicketCreated, |_| true).await;
    proxy.set(Condition::Cut);
    for number in 1..=EDITS {
        let edit = json!({ "title": format!("Row {number}"), "price": 20 });
        let answer = seller
            .put(&format!("/api/tickets/{}", ticket.id), edit)
            .await;
        assert_eq!(answer.status, 200, "edit {number}: {answer:?}");
    }
    let tickets = app.database().collection::<Document>("tickets");
    let stored = tickets.find_one(doc! { "_id": object_id(ticket.id) }).await;
    let size = bson::serialize_to_vec(&stored.unwrap().unwrap())
        .unwrap()
        .len();
    assert!(size < SIZE_LIMIT, "{size} bytes");
    proxy.set(Condition::Open);
    // A replica needs only the newest version.
    let newest = app
        .expect_event(Subject::TicketUpdated, |event| {
            event.version() == Some(EDITS)
        })
        .await;
    let Event::TicketUpdated(state) = newest else {
        panic!("{newest:?}");
    };
    let shown = show(&seller, &ticket).await;
    assert_eq!((state.version, state.title), (shown.version, shown.title));
    let versions = app.published(Subject::TicketUpdated).await;
    assert!(versions.iter().all(|event| event.version() <= Some(EDITS)));
    app.finish().await;
}
