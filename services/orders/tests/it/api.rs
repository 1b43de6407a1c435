//! The endpoints, as the contract defines them.

use axum::http::Method;
use common::{Event, Subject};
use serde_json::json;
use testkit::Api;

use crate::{order, path, start, ticket_for_sale};

#[tokio::test]
async fn a_placed_order_is_returned_listed_and_published() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    let buyer = app.user();
    let created = buyer
        .post("/api/orders", json!({ "ticketId": ticket.id }))
        .await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.id();
    let expires_at = created.json["expiresAt"].as_str().unwrap();
    let expected = json!({
        "id": id, "status": "created", "userId": buyer.user_id(), "expiresAt": expires_at, "version": 0,
        "ticket": { "id": ticket.id, "title": "Front row", "price": 19.99, "version": 0 },
    });
    assert_eq!(created.json, expected);
    assert_eq!(buyer.get(&format!("/api/orders/{id}")).await.json, expected);
    assert_eq!(buyer.get("/api/orders").await.json, json!([expected]));
    let published = app
        .expect_event(Subject::OrderCreated, |event| event.entity_id() == id)
        .await;
    let Event::OrderCreated(state) = published else {
        panic!("{published:?}")
    };
    assert_eq!((state.ticket_id, state.price), (ticket.id, ticket.price));
    assert_eq!(state.expires_at.to_string(), expires_at);
    app.finish().await;
}

#[tokio::test]
async fn requests_are_checked_in_the_order_of_the_contract() {
    let app = start().await;
    let (anonymous, buyer) = (app.anonymous(), app.user());
    let answer = anonymous.post_raw("/api/orders", "{").await;
    assert_eq!(
        (answer.status, answer.message()),
        (400, "Request body must be a JSON object")
    );
    let answer = anonymous.post("/api/orders", json!({})).await;
    assert_eq!((answer.status, answer.message()), (401, "Not authorized"));
    for body in [
        json!({}),
        json!({ "ticketId": "" }),
        json!({ "ticketId": 5 }),
    ] {
        let answer = buyer.post("/api/orders", body).await;
        let errors = json!([{ "message": "TicketId must be provided", "field": "ticketId" }]);
        assert_eq!((answer.status, &answer.json["errors"]), (400, &errors));
    }
    for id in ["banana", "64b7f0c2a1b2c3d4e5f60718"] {
        let answer = buyer.post("/api/orders", json!({ "ticketId": id })).await;
        assert_eq!((answer.status, answer.message()), (404, "Not Found"));
        let path = format!("/api/orders/{id}");
        assert_eq!(anonymous.get(&path).await.status, 401);
        assert_eq!(anonymous.delete(&path).await.status, 401);
        assert_eq!(buyer.get(&path).await.status, 404);
        assert_eq!(buyer.delete(&path).await.status, 404);
    }
    assert_eq!(anonymous.get("/api/orders").await.status, 401);
    app.finish().await;
}

#[tokio::test]
async fn only_the_buyer_can_see_or_cancel_an_order() {
    let app = start().await;
    let (buyer, stranger) = (app.user(), app.user());
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    for answer in [
        stranger.get(&path(&order)).await,
        stranger.delete(&path(&order)).await,
    ] {
        assert_eq!((answer.status, answer.message()), (401, "Not authorized"));
    }
    assert_eq!(stranger.get("/api/orders").await.json, json!([]));
    assert_eq!(buyer.get(&path(&order)).await.json["status"], "created");
    app.finish().await;
}

/// The ids of the orders in a list, page by page.
async fn pages(buyer: &Api, list: &str) -> Vec<Vec<String>> {
    let (mut next, mut pages) = (Some(list.to_owned()), Vec::new());
    while let Some(path) = next {
        let page = buyer.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        let items = page.json.as_array().unwrap().iter();
        let ids = items.map(|item| item["id"].as_str().unwrap().to_owned());
        pages.push(ids.collect());
        next = page.next_page();
    }
    pages
}

#[tokio::test]
async fn orders_are_listed_in_pages_oldest_or_newest_first() {
    let app = start().await;
    let buyer = app.user();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let ticket = ticket_for_sale(&app).await;
        ids.push(order(&buyer, &ticket).await.id.to_string());
    }
    let lists = [
        "/api/orders",
        "/api/orders?sort=oldest",
        "/api/orders?sort=newest",
    ];
    for list in lists {
        if list.ends_with("newest") {
            ids.reverse();
        }
        let whole = std::slice::from_ref(&ids);
        assert_eq!(pages(&buyer, list).await, whole, "{list}");
        let parameter = if list.contains('?') { '&' } else { '?' };
        let by_two = pages(&buyer, &format!("{list}{parameter}limit=2")).await;
        let expected: Vec<_> = ids.chunks(2).map(<[String]>::to_vec).collect();
        assert_eq!(by_two, expected, "{list}");
    }
    for (wrong, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("after=x", "after"),
        ("sort=price", "sort"),
        ("sort=", "sort"),
    ] {
        let answer = buyer.get(&format!("/api/orders?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert_eq!(answer.json["errors"][0]["field"], field, "{wrong}");
        let guest = app.anonymous().get(&format!("/api/orders?{wrong}")).await;
        assert_eq!(guest.status, 401, "{wrong}");
    }
    app.finish().await;
}

#[tokio::test]
async fn every_endpoint_accepts_head_and_a_trailing_slash() {
    let app = start().await;
    let buyer = app.user();
    let ticket = ticket_for_sale(&app).await;
    let body = json!({ "ticketId": ticket.id });
    let id = buyer.post("/api/orders/", body).await.id();
    for path in [
        "/api/orders",
        &format!("/api/orders/{id}"),
        "/api/orders/openapi.json",
    ] {
        assert_eq!(
            buyer.get_in_every_spelling(path).await.status,
            200,
            "{path}"
        );
    }
    for path in [
        format!("/api/orders/{id}/stream"),
        format!("/api/orders/{id}/stream/"),
    ] {
        let head = buyer.send(buyer.request(Method::HEAD, &path)).await;
        assert_eq!((head.status, &*head.text), (200, ""));
    }
    let cancelled = buyer.delete(&format!("/api/orders/{id}/")).await;
    assert_eq!(cancelled.status, 204);
    app.finish().await;
}

#[tokio::test]
async fn the_service_serves_its_openapi_description() {
    let app = start().await;
    let answer = app.anonymous().get("/api/orders/openapi.json").await;
    assert_eq!(answer.status, 200);
    let paths = &answer.json["paths"];
    for (path, method) in [
        ("/api/orders", "get"),
        ("/api/orders", "post"),
        ("/api/orders/{id}", "get"),
        ("/api/orders/{id}", "delete"),
    ] {
        assert!(paths[path][method].is_object(), "{method} {path}");
    }
    app.finish().await;
}
