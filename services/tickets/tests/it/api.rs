//! The endpoints, as the contract defines them.

use bson::{Document, doc};
use common::{Event, Subject};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{sell, show, start};

#[tokio::test]
async fn a_created_ticket_is_returned_listed_and_published() {
    let app = start().await;
    let seller = app.user();
    let body = json!({ "title": " Front row ", "price": 19.99 });
    let created = seller.post("/api/tickets", body).await;
    assert_eq!(created.status, 201);
    let id = created.json["id"].as_str().unwrap().to_owned();
    let expected = json!({
        "id": id, "title": "Front row", "price": 19.99, "userId": seller.user_id().to_string(), "version": 0,
    });
    assert_eq!(created.json, expected);
    let shown = app.anonymous().get(&format!("/api/tickets/{id}")).await;
    assert_eq!((shown.status, shown.json), (200, while_free(&expected)));
    assert_eq!(seller.get("/api/tickets").await.json, json!([expected]));
    let published = app
        .expect_event(Subject::TicketCreated, |event| event.entity_id() == id)
        .await;
    let Event::TicketCreated(state) = published else {
        panic!("{published:?}")
    };
    assert_eq!((state.price.cents(), state.version), (1_999, 0));
    app.finish().await;
}

/// The ticket as a single resource, while no order holds it.
fn while_free(ticket: &Value) -> Value {
    let mut shown = ticket.clone();
    shown["orderId"] = Value::Null;
    shown
}

#[tokio::test]
async fn whole_dollars_are_written_without_decimals() {
    let app = start().await;
    let body = json!({ "title": "Front row", "price": 20.00 });
    let created = app.user().post("/api/tickets", body).await;
    assert_eq!(created.json["price"].to_string(), "20");
    app.finish().await;
}

#[tokio::test]
async fn a_price_may_be_sent_as_a_string_and_is_returned_as_a_number() {
    let app = start().await;
    let seller = app.user();
    for (sent, price) in [
        ("20.00", json!(20)),
        ("19.99", json!(19.99)),
        ("0.5", json!(0.5)),
    ] {
        let body = json!({ "title": "Front row", "price": sent });
        let created = seller.post("/api/tickets", body.clone()).await;
        assert_eq!(
            (created.status, &created.json["price"]),
            (201, &price),
            "{sent}"
        );
        let path = format!("/api/tickets/{}", created.id());
        let edited = seller.put(&path, body).await;
        assert_eq!(
            (edited.status, &edited.json["price"]),
            (200, &price),
            "{sent}"
        );
        let published = app
            .expect_event(Subject::TicketUpdated, |event| {
                event.entity_id() == created.id()
            })
            .await;
        assert!(
            published.to_json().contains(&format!("\"price\":{price}")),
            "{published:?}"
        );
    }
    for wrong in ["", "0.00", "19,99", "$20", "1e3", "NaN"] {
        let body = json!({ "title": "Front row", "price": wrong });
        let refused = seller.post("/api/tickets", body).await;
        let errors = json!([{ "message": "Price must be greater than 0", "field": "price" }]);
        assert_eq!(
            (refused.status, &refused.json["errors"]),
            (400, &errors),
            "{wrong}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn a_price_below_the_minimum_of_stripe_is_refused() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(0.5)).await;
    let path = format!("/api/tickets/{}", ticket.id);
    let errors = json!([{ "message": "Price must be at least 0.50", "field": "price" }]);
    for price in [json!(0.01), json!(0.49), json!("0.30")] {
        let body = json!({ "title": "Front row", "price": price });
        let created = seller.post("/api/tickets", body.clone()).await;
        assert_eq!(
            (created.status, &created.json["errors"]),
            (400, &errors),
            "{price}"
        );
        let edited = seller.put(&path, body).await;
        assert_eq!(
            (edited.status, &edited.json["errors"]),
            (400, &errors),
            "{price}"
        );
    }
    // A lower price that an earlier release accepted still exists, and can be raised.
    let tickets = app.database().collection::<Document>("tickets");
    let lower = doc! { "$set": { "price_cents": 30_i64 } };
    tickets.update_one(doc! {}, lower).await.unwrap();
    let app = app.restart().await;
    assert_eq!(show(&app.anonymous(), &ticket).await.price.cents(), 30);
    let list = app.anonymous().get("/api/tickets").await;
    assert_eq!(list.json[0]["price"], json!(0.3));
    let raised = json!({ "title": "Front row", "price": 0.75 });
    assert_eq!(
        seller.at(app.base_url()).put(&path, raised).await.status,
        200
    );
    app.finish().await;
}

#[tokio::test]
async fn a_title_is_cleaned_and_must_be_visible() {
    let app = start().await;
    let seller = app.user();
    let errors = json!([{ "message": "Title is required", "field": "title" }]);
    for blank in [
        "\u{200b}",
        "\u{202e}\u{2066} \u{3000}",
        "\u{0}\u{7}",
        "\u{3164}\u{ad}",
    ] {
        let body = json!({ "title": blank, "price": 20 });
        let refused = seller.post("/api/tickets", body).await;
        assert_eq!(
            (refused.status, &refused.json["errors"]),
            (400, &errors),
            "{blank:?}"
        );
    }
    for (typed, title) in [
        ("\u{a0}Cafe\u{301}\u{3000}", "Caf\u{e9}"),
        ("\u{202e}wor tnorF\u{202c}", "wor tnorF"),
        ("Front\u{1b}\u{0} row\n", "Front row"),
        ("👩\u{200d}🎤 שלום", "👩\u{200d}🎤 שלום"),
    ] {
        assert_eq!(sell(&seller, typed, json!(20)).await.title.as_str(), title);
    }
    app.finish().await;
}

#[tokio::test]
async fn requests_are_checked_in_the_order_of_the_contract() {
    let app = start().await;
    let (anonymous, seller) = (app.anonymous(), app.user());
    let wrong = json!({ "title": "", "price": "a lot" });
    // First the JSON, then the session, then the fields.
    let answer = anonymous.post_raw("/api/tickets", "{").await;
    assert_eq!(
        (answer.status, answer.message()),
        (400, "Request body must be a JSON object")
    );
    let answer = anonymous.post("/api/tickets", wrong.clone()).await;
    assert_eq!((answer.status, answer.message()), (401, "Not authorized"));
    let answer = seller.post("/api/tickets", wrong.clone()).await;
    let errors = json!({ "errors": [
        { "message": "Title is required", "field": "title" },
        { "message": "Price must be greater than 0", "field": "price" },
    ]});
    assert_eq!((answer.status, answer.json), (400, errors.clone()));
    // Then the existence, also with a malformed id.
    for id in ["64b7f0c2a1b2c3d4e5f60718", "banana"] {
        let path = format!("/api/tickets/{id}");
        assert_eq!(anonymous.put(&path, wrong.clone()).await.status, 401);
        assert_eq!(seller.put(&path, wrong.clone()).await.json, errors);
        let answer = seller.put(&path, json!({ "title": "a", "price": 1 })).await;
        assert_eq!((answer.status, answer.message()), (404, "Not Found"));
        let answer = anonymous.get(&path).await;
        assert_eq!((answer.status, answer.message()), (404, "Not Found"));
    }
    // Then the owner.
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let path = format!("/api/tickets/{}", ticket.id);
    let answer = app
        .user()
        .put(&path, json!({ "title": "Mine", "price": 1 }))
        .await;
    assert_eq!((answer.status, answer.message()), (401, "Not authorized"));
    assert_eq!(show(&seller, &ticket).await, ticket);
    app.finish().await;
}

#[tokio::test]
async fn an_edit_increments_the_version_and_is_published() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let path = format!("/api/tickets/{}", ticket.id);
    let answer = seller
        .put(&path, json!({ "title": "Second row", "price": 15.5 }))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["title"], "Second row");
    assert_eq!(answer.json["price"], 15.5);
    assert_eq!(answer.json["version"], 1);
    app.expect_event(Subject::TicketUpdated, |event| event.version() == Some(1))
        .await;
    app.finish().await;
}

#[tokio::test]
async fn tickets_are_listed_in_pages_newest_first() {
    let app = start().await;
    let seller = app.user();
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(
            sell(&seller, &format!("Seat {number}"), json!(1))
                .await
                .id
                .to_string(),
        );
    }
    ids.reverse();
    let (mut path, mut seen, mut pages) = ("/api/tickets?limit=2".to_owned(), Vec::new(), 0);
    loop {
        let page = app.anonymous().get(&path).await;
        assert_eq!(page.status, 200);
        let items = page.json.as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page.next_page() {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!((seen, pages), (ids, 3));
    for wrong in ["limit=0", "limit=101", "limit=x", "after=x"] {
        let answer = app.anonymous().get(&format!("/api/tickets?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_alternative_paths_do_the_same() {
    let app = start().await;
    let seller = app.user();
    let created = seller
        .post(
            "/api/ticket/create",
            json!({ "title": "Front row", "price": 20 }),
        )
        .await;
    assert_eq!(created.status, 201);
    let path = format!("/api/ticket/{}", created.json["id"].as_str().unwrap());
    assert_eq!(seller.get(&path).await.json, while_free(&created.json));
    assert_eq!(
        seller.get("/api/ticket/getall").await.json,
        json!([created.json])
    );
    let edited = seller
        .put(&path, json!({ "title": "Front row", "price": 25 }))
        .await;
    assert_eq!((edited.status, &edited.json["price"]), (200, &json!(25)));
    app.finish().await;
}

#[tokio::test]
async fn the_service_serves_its_openapi_description() {
    let app = start().await;
    let answer = app.anonymous().get("/api/tickets/openapi.json").await;
    assert_eq!(answer.status, 200);
    let paths = answer.json["paths"].as_object().unwrap();
    assert!(paths["/api/tickets"]["post"].is_object());
    assert!(paths["/api/tickets/{id}"]["put"].is_object());
    app.finish().await;
}

#[tokio::test]
async fn an_edit_with_a_malformed_version_is_refused() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let path = format!("/api/tickets/{}", ticket.id);
    for version in [json!("0"), json!("1"), json!(-1), json!(0.5), json!(false)] {
        let edit = json!({ "title": "Second row", "price": 15, "version": version });
        let answer = seller.put(&path, edit).await;
        let errors = json!([{ "message": "Version must be a whole number", "field": "version" }]);
        assert_eq!((answer.status, &answer.json["errors"]), (400, &errors));
    }
    assert_eq!(show(&seller, &ticket).await, ticket);
    app.finish().await;
}

#[tokio::test]
async fn a_page_has_a_hundred_tickets_by_default() {
    let app = start().await;
    let seller = app.user();
    for number in 0..101 {
        sell(&seller, &format!("Seat {number}"), json!(1)).await;
    }
    for list in ["/api/tickets", "/api/ticket/getall", "/api/tickets/mine"] {
        let page = seller.get(list).await;
        let items = page.json.as_array().unwrap();
        assert_eq!((items.len(), &items[0]["title"]), (100, &json!("Seat 100")));
        let rest = seller.get(&page.next_page().unwrap()).await;
        assert_eq!(rest.json[0]["title"], "Seat 0");
        assert_eq!(rest.next_page(), None);
    }
    app.finish().await;
}

#[tokio::test]
async fn every_endpoint_accepts_head_and_a_trailing_slash() {
    let app = start().await;
    let seller = app.user();
    let body = json!({ "title": "Front row", "price": 20 });
    let id = seller.post("/api/tickets/", body.clone()).await.id();
    let edited = seller.put(&format!("/api/tickets/{id}/"), body).await;
    assert_eq!((edited.status, &edited.json["version"]), (200, &json!(1)));
    for path in [
        "/api/tickets",
        "/api/tickets?sort=price&limit=1",
        &format!("/api/tickets/{id}"),
        "/api/tickets/mine",
        "/api/ticket/getall",
        &format!("/api/ticket/{id}"),
        "/api/tickets/openapi.json",
    ] {
        assert_eq!(
            seller.get_in_every_spelling(path).await.status,
            200,
            "{path}"
        );
    }
    for path in ["/api/tickets/stream", "/api/tickets/stream/"] {
        let head = seller.send(seller.request(Method::HEAD, path)).await;
        assert_eq!((head.status, &*head.text), (200, ""));
        assert_eq!(head.headers["content-type"], "text/event-stream");
    }
    assert_eq!(
        app.metrics()
            .await
            .count("ticketing_event_streams_open", &[]),
        0
    );
    app.finish().await;
}

#[tokio::test]
async fn a_form_from_the_public_origin_is_accepted_whatever_the_host_header_says() {
    let app = start().await;
    let seller = app.user();
    let send = async |origin: &str, site: Option<&str>| {
        let request = seller.request(Method::POST, "/api/tickets");
        let request = request
            .header("host", "tickets-srv.internal:3000")
            .header("origin", origin)
            .json(&json!({ "title": "Front row", "price": 20 }));
        let site = site.map(|site| ("sec-fetch-site", site));
        let request = site.into_iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        seller.send(request).await.status
    };
    assert_eq!(send("http://ticketing.test", None).await, 201);
    assert_eq!(send("http://ticketing.test", Some("same-site")).await, 201);
    for other in ["http://evil.test", "https://ticketing.test", "null"] {
        assert_eq!(send(other, None).await, 403, "{other}");
        assert_eq!(send(other, Some("cross-site")).await, 403, "{other}");
    }
    app.finish().await;
}
