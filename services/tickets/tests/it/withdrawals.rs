//! Withdrawals of tickets by their sellers.

use common::api::tickets::TicketView;
use common::events::{OrderState, TicketState};
use common::{Event, OrderStatus, Subject};
use serde_json::json;
use testkit::{Answer, Api, TestApp, eventually};

use crate::{order_of, sell, show, start};

fn path(ticket: &TicketView) -> String {
    format!("/api/tickets/{}", ticket.id)
}

async fn withdraw(api: &Api, ticket: &TicketView) -> Answer {
    api.delete(&path(ticket)).await
}

/// Waits until the withdrawal of the ticket is published this many times.
async fn withdrawals(app: &TestApp, ticket: &TicketView, times: usize) -> Vec<TicketState> {
    eventually("the withdrawal is published", async || {
        let published = app.published(Subject::TicketUpdated).await;
        let published = published.into_iter().filter_map(|event| match event {
            Event::TicketUpdated(state) if state.id == ticket.id && state.withdrawn => Some(state),
            _ => None,
        });
        let published: Vec<_> = published.collect();
        (published.len() == times).then_some(published)
    })
    .await
}

#[tokio::test]
async fn a_withdrawn_ticket_is_not_found_and_its_withdrawal_is_published() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let other = sell(&seller, "Second row", json!(20)).await;
    let withdrawn = withdraw(&seller, &ticket).await;
    assert_eq!((withdrawn.status, withdrawn.text.as_str()), (204, ""));
    let cookie = withdrawn.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("wrote=1;"), "{cookie}");
    for api in [&seller, &app.user(), &app.anonymous()] {
        assert_eq!(api.get(&path(&ticket)).await.status, 404);
        let listed = api.get("/api/tickets").await;
        assert_eq!(listed.json, json!([show(api, &other).await]));
    }
    let mine = seller.get("/api/tickets/mine").await;
    assert_eq!(mine.json, json!([other]));
    let edit = json!({ "title": "Front row", "price": 1 });
    assert_eq!(seller.put(&path(&ticket), edit).await.status, 404);
    let [state] = withdrawals(&app, &ticket, 1).await.try_into().unwrap();
    assert_eq!((state.version, state.order_id), (1, None));
    app.finish().await;
}

#[tokio::test]
async fn only_the_seller_can_withdraw_and_a_repetition_changes_nothing() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    assert_eq!(withdraw(&app.anonymous(), &ticket).await.status, 401);
    let another = withdraw(&app.user(), &ticket).await;
    assert_eq!((another.status, another.message()), (401, "Not authorized"));
    for id in ["64b7f0c2a1b2c3d4e5f60718", "banana"] {
        let missing = seller.delete(&format!("/api/tickets/{id}")).await;
        assert_eq!((missing.status, missing.message()), (404, "Not Found"));
    }
    for _ in 0..2 {
        assert_eq!(withdraw(&seller, &ticket).await.status, 204);
    }
    assert_eq!(withdraw(&app.user(), &ticket).await.status, 404);
    withdrawals(&app, &ticket, 1).await;
    app.finish().await;
}

#[tokio::test]
async fn a_reserved_ticket_cannot_be_withdrawn() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let order = order_of(&ticket);
    app.publish(Event::OrderCreated(order.clone())).await;
    eventually("the ticket is held", async || {
        show(&app.anonymous(), &ticket).await.order_id
    })
    .await;
    let refused = withdraw(&seller, &ticket).await;
    assert_eq!(
        (refused.status, refused.message()),
        (400, "Cannot withdraw a reserved ticket")
    );
    app.publish(Event::OrderCancelled(OrderState {
        version: 1,
        status: OrderStatus::Cancelled,
        ..order
    }))
    .await;
    eventually("the released ticket is withdrawn", async || {
        (withdraw(&seller, &ticket).await.status == 204).then_some(())
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn an_order_for_a_withdrawn_ticket_makes_the_withdrawal_be_published_again() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    assert_eq!(withdraw(&seller, &ticket).await.status, 204);
    withdrawals(&app, &ticket, 1).await;
    let order = order_of(&ticket);
    app.publish(Event::OrderCreated(order.clone())).await;
    let published = withdrawals(&app, &ticket, 2).await;
    assert_eq!(published[0], published[1]);
    app.publish(Event::OrderCancelled(OrderState {
        version: 1,
        status: OrderStatus::Cancelled,
        ..order
    }))
    .await;
    assert_eq!(seller.get(&path(&ticket)).await.status, 404);
    app.finish().await;
}

#[tokio::test]
async fn an_order_paid_before_the_withdrawal_holds_the_ticket_until_it_is_refunded() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    assert_eq!(withdraw(&seller, &ticket).await.status, 204);
    let paid = OrderState {
        version: 1,
        status: OrderStatus::Complete,
        ..order_of(&ticket)
    };
    for _ in 0..2 {
        app.publish(Event::OrderCreated(paid.clone())).await;
    }
    eventually("the ticket is sold", async || {
        let shown = seller.get(&path(&ticket)).await;
        (shown.json["orderId"] == json!(paid.id)).then_some(())
    })
    .await;
    assert_eq!(withdraw(&seller, &ticket).await.status, 400);
    let mine = seller.get("/api/tickets/mine").await;
    assert_eq!(mine.json[0]["orderId"], json!(paid.id));
    app.publish(Event::OrderCancelled(OrderState {
        version: 2,
        status: OrderStatus::Cancelled,
        ..paid
    }))
    .await;
    let published = withdrawals(&app, &ticket, 2).await;
    assert_eq!((published[0].version, published[1].version), (1, 3));
    assert_eq!(seller.get(&path(&ticket)).await.status, 404);
    assert_eq!(seller.get("/api/tickets/mine").await.json, json!([]));
    app.finish().await;
}

#[tokio::test]
async fn a_concurrent_edit_does_not_undo_a_withdrawal() {
    let app = start().await;
    let seller = app.user();
    for round in 0..10 {
        let ticket = sell(&seller, &format!("Seat {round}"), json!(20)).await;
        let path = path(&ticket);
        let edit = seller.put(&path, json!({ "title": "Another", "price": 1 }));
        let (edited, withdrawn) = tokio::join!(edit, withdraw(&seller, &ticket));
        assert_eq!(withdrawn.status, 204, "{withdrawn:?}");
        assert!([200, 400, 404].contains(&edited.status), "{edited:?}");
        assert_eq!(seller.get(&path).await.status, 404);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_alternative_path_withdraws_too() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let deleted = seller.delete(&format!("/api/ticket/{}", ticket.id)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(seller.get(&path(&ticket)).await.status, 404);
    app.finish().await;
}

#[tokio::test]
async fn an_idempotency_key_creates_one_ticket() {
    let app = start().await;
    let seller = app.user();
    let body = json!({ "title": "Front row", "price": 20 });
    let create = async || seller.post_once("/api/tickets", "key", body.clone()).await;
    let (one, other) = tokio::join!(create(), create());
    let again = create().await;
    assert_eq!(again.status, 201, "{again:?}");
    for answer in [one, other] {
        let same = (answer.status, &answer.text) == (201, &again.text);
        assert!(same || answer.status == 409, "{answer:?}");
    }
    // As after a crash before the result was stored.
    app.forget_results().await;
    assert_eq!(create().await.text, again.text);
    let mine = seller.get("/api/tickets/mine").await;
    assert_eq!(mine.json, json!([again.json]));
    assert_eq!(app.published(Subject::TicketCreated).await.len(), 1);
    app.finish().await;
}
