//! A repeated request, after a lost response, returns the order that was placed.

use bson::{Document, doc};
use common::{Event, OrderStatus};
use testkit::{Fate, MongoLink, Servers, TestApp, eventually};

use crate::{
    assert_reserved, order, path, payment_of, settled, start, start_with_clock, ticket_for_sale,
    wait_for_status,
};

async fn orders_of(app: &TestApp) -> u64 {
    let orders = app.database().collection::<Document>("orders");
    orders.count_documents(doc! {}).await.unwrap()
}

#[tokio::test]
async fn a_repeated_request_returns_the_unpaid_order_that_holds_the_ticket() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let placed = order(&buyer, &ticket).await;
    assert_eq!(order(&buyer, &ticket).await, placed);
    // Also when the replica shows that the order holds the ticket.
    let mut held = ticket.clone();
    held.version = 1;
    held.order_id = Some(placed.id);
    app.publish(Event::TicketUpdated(held)).await;
    let confirmed = wait_for_status(&buyer, &placed, OrderStatus::AwaitingPayment).await;
    assert_eq!(order(&buyer, &ticket).await, confirmed);
    assert_eq!(orders_of(&app).await, 1);
    assert_reserved(&app.user(), &ticket).await;
    app.finish().await;
}

#[tokio::test]
async fn a_double_click_places_one_order() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let clicks = (0..10).map(|_| order(&buyer, &ticket));
    let placed = futures::future::join_all(clicks).await;
    assert!(
        placed.iter().all(|one| one.id == placed[0].id),
        "{placed:?}"
    );
    assert_eq!(orders_of(&app).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn the_ticket_of_a_paid_order_cannot_be_ordered_again() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let placed = order(&buyer, &ticket).await;
    app.publish(payment_of(&placed)).await;
    wait_for_status(&buyer, &placed, OrderStatus::Complete).await;
    assert_reserved(&buyer, &ticket).await;
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_request_does_not_return_an_expired_order() {
    let (app, clock) = start_with_clock().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    order(&buyer, &ticket).await;
    clock.advance(std::time::Duration::from_secs(901));
    assert_reserved(&buyer, &ticket).await;
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_found_through_a_reservation_of_an_older_release() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let placed = order(&buyer, &ticket).await;
    let reservations = app.database().collection::<Document>("reservations");
    let without_buyer = reservations.update_one(doc! {}, doc! { "$unset": { "user_id": "" } });
    assert_eq!(without_buyer.await.unwrap().matched_count, 1);
    assert_eq!(order(&buyer, &ticket).await, placed);
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_found_if_a_restarted_database_server_lost_track_of_its_commit() {
    const NO_SUCH_TRANSACTION: i32 = 251;
    let server = Servers::shared().await.mongo().address();
    let link = MongoLink::start(server.parse().unwrap()).await.unwrap();
    let address = link.uri(server, server);
    let app = TestApp::new(orders::NAME)
        .mongo_uri(move |uri| uri.replace(server, &address))
        .start(orders::Config::read, orders::build)
        .await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    settled(&app).await;
    let mut commits = 0;
    link.decide(move |command| {
        if !command.contains_key("commitTransaction") {
            return Fate::Passes;
        }
        commits += 1;
        match commits {
            // The commit succeeds, but its response is lost.
            1 => Fate::AnswerLost,
            2 => Fate::Answered(doc! {
                "ok": 0.0, "code": NO_SUCH_TRANSACTION, "errmsg": "no such transaction",
                "errorLabels": ["TransientTransactionError"],
            }),
            _ => Fate::Passes,
        }
    });
    let placed = order(&buyer, &ticket).await;
    assert_eq!(orders_of(&app).await, 1);
    assert_eq!(buyer.get(&path(&placed)).await.status, 200);
    eventually("the sweep publishes its event", async || {
        let published = app.published(common::Subject::OrderCreated).await;
        published
            .iter()
            .any(|event| event.entity_id() == placed.id.to_string())
    })
    .await;
    app.finish().await;
}
