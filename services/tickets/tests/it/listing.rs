//! Searching and sorting the tickets for sale.

use bson::{Document, doc};
use serde_json::json;
use testkit::{Api, TestApp, eventually};

use crate::{sell, start};

/// The titles of all pages of a list.
async fn titles(api: &Api, query: &str) -> Vec<String> {
    let (mut next, mut titles) = (Some(format!("/api/tickets?{query}")), Vec::new());
    while let Some(path) = next {
        let page = api.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        let items = page.json.as_array().unwrap().iter();
        titles.extend(items.map(|item| item["title"].as_str().unwrap().to_owned()));
        next = page.next_page();
    }
    titles
}

/// The query string of a search for these words.
fn search(words: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", words).finish()
}

/// Starts a service with these tickets, the last of which is the newest.
async fn shop(tickets: &[(&str, f64)]) -> (TestApp, Api) {
    let app = start().await;
    let seller = app.user();
    for (title, price) in tickets {
        sell(&seller, title, json!(price)).await;
    }
    let api = app.anonymous();
    (app, api)
}

#[tokio::test]
async fn a_search_finds_titles_that_contain_every_word_in_any_case() {
    let symbols = "Ballet (front) 100% $5.00 a|b";
    let (app, api) = shop(&[
        ("Opera, front row", 1.0),
        ("Opera, last row", 1.0),
        (symbols, 1.0),
        ("Été des Arts", 1.0),
    ])
    .await;
    let rows = &["Opera, last row", "Opera, front row"];
    for (query, expected) in [
        ("q=FRONT", &[symbols, "Opera, front row"][..]),
        ("q=row+opera", rows),
        ("q=%20%20row%09OPERA%20first", &[]),
        ("q=row%20la", &["Opera, last row"]),
        ("q=(front)", &[symbols]),
        ("q=%245.00", &[symbols]),
        ("q=a%7Cb", &[symbols]),
        ("q=.*", &[]),
        ("q=%5C", &[]),
        ("q=%5E%5B%7B", &[]),
        ("q=row%00opera", rows),
        ("q=%C3%A9T%C3%89", &["Été des Arts"]),
        ("q=%FF", &[]),
    ] {
        assert_eq!(titles(&api, query).await, expected, "{query}");
    }
    for everything in ["q=", "q=%20", "", "other=1"] {
        assert_eq!(titles(&api, everything).await.len(), 4, "{everything}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_search_ignores_case_and_normalization_form() {
    let titles_for_sale = [
        "Große Straße",
        "Cafe\u{301} des Arts",
        "İstanbul",
        "Ｊａｚｚ night",
        "ΟΔΥΣΣΕΥΣ",
    ];
    let (app, api) = shop(&titles_for_sale.map(|title| (title, 1.0))).await;
    for (query, found) in [
        ("GROSSE STRASSE", "Große Straße"),
        ("große straße", "Große Straße"),
        ("Caf\u{e9}", "Caf\u{e9} des Arts"),
        ("CAFE\u{301}", "Caf\u{e9} des Arts"),
        ("İSTANBUL", "İstanbul"),
        ("istanbul", "İstanbul"),
        ("Istanbul", "İstanbul"),
        ("jazz", "Ｊａｚｚ night"),
        ("ＪＡＺＺ", "Ｊａｚｚ night"),
        ("οδυσσευς", "ΟΔΥΣΣΕΥΣ"),
        ("οδυσσευσ", "ΟΔΥΣΣΕΥΣ"),
    ] {
        assert_eq!(titles(&api, &search(query)).await, [found], "{query}");
    }
    // Accents are not ignored.
    assert_eq!(titles(&api, &search("cafe")).await, Vec::<String>::new());
    app.finish().await;
}

#[tokio::test]
async fn tickets_of_an_earlier_release_are_found_too() {
    let (app, _) = shop(&[("Große Straße", 1.0), ("Fußball", 1.0), ("Gruß", 1.0)]).await;
    let tickets = app.database().collection::<Document>("tickets");
    let missing = doc! { "$unset": { "search_key": "" } };
    tickets
        .update_one(doc! { "title": "Große Straße" }, missing)
        .await
        .unwrap();
    // As after an edit by the earlier release, after a rollback.
    let stale = doc! { "$set": { "search_key": "opera" } };
    tickets
        .update_one(doc! { "title": "Fußball" }, stale)
        .await
        .unwrap();
    let app = app.restart().await;
    let api = app.anonymous();
    for (query, found) in [
        ("STRASSE", "Große Straße"),
        ("FUSSBALL", "Fußball"),
        ("GRUSS", "Gruß"),
    ] {
        eventually(query, async || {
            match titles(&api, &search(query)).await.as_slice() {
                [title] if title == found => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
    assert_eq!(titles(&api, &search("opera")).await, Vec::<String>::new());
    let versions: Vec<_> = api
        .get("/api/tickets")
        .await
        .json
        .as_array()
        .unwrap()
        .iter()
        .map(|ticket| ticket["version"].clone())
        .collect();
    assert_eq!(versions, [0, 0, 0]);
    app.finish().await;
}

#[tokio::test]
async fn tickets_with_equal_prices_are_listed_newest_first() {
    let (app, api) = shop(&[
        ("A", 20.0),
        ("B", 5.5),
        ("C", 20.0),
        ("D", 1000.0),
        ("E", 20.0),
        ("F", 9.0),
    ])
    .await;
    for (query, expected) in [
        ("sort=newest", "FEDCBA"),
        ("sort=price", "BFECAD"),
        ("sort=-price", "DECAFB"),
    ] {
        for limit in [1, 2, 4, 100] {
            let listed = titles(&api, &format!("{query}&limit={limit}")).await;
            assert_eq!(listed.concat(), expected, "{query}, {limit} a page");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn the_next_page_continues_after_the_last_ticket_even_if_others_were_added() {
    let (app, api) = shop(&[("A", 10.0), ("B", 20.0), ("C", 20.0), ("D", 30.0)]).await;
    let first = api.get("/api/tickets?sort=price&limit=2").await;
    let seen = [&first.json[0]["title"], &first.json[1]["title"]];
    assert_eq!(seen, ["A", "C"]);
    let seller = app.user();
    sell(&seller, "cheaper", json!(5)).await;
    sell(&seller, "equal but newer", json!(20)).await;
    sell(&seller, "more expensive", json!(25)).await;
    let rest = first.next_page().unwrap();
    let rest = rest.strip_prefix("/api/tickets?").unwrap();
    assert_eq!(titles(&api, rest).await, ["B", "more expensive", "D"]);
    app.finish().await;
}

#[tokio::test]
async fn the_next_page_keeps_search_and_sort_order() {
    let (app, api) = shop(&[("A & B", 1.0), ("B & A", 2.0), ("C", 3.0)]).await;
    let query = "q=a+%26+b&sort=-price&limit=1";
    let first = api.get(&format!("/api/tickets?{query}")).await;
    let next = first.next_page().unwrap();
    let expected = format!("/api/tickets?{query}&after=");
    assert!(next.starts_with(&expected), "{next}");
    assert_eq!(titles(&api, query).await, ["B & A", "A & B"]);
    let first = api.get("/api/ticket/getall?sort=price&limit=1").await;
    let next = first.next_page().unwrap();
    assert!(next.starts_with("/api/ticket/getall?sort=price&"), "{next}");
    app.finish().await;
}

#[tokio::test]
async fn invalid_query_parameters_are_refused() {
    let (app, api) = shop(&[("A", 1.0), ("B", 2.0)]).await;
    let long = format!("q={}", "x".repeat(101));
    for (query, field) in [
        ("sort=cheap", "sort"),
        ("sort=", "sort"),
        (&long, "q"),
        ("limit=0", "limit"),
        ("after=x", "after"),
        ("sort=price&after=x-1", "after"),
    ] {
        let answer = api.get(&format!("/api/tickets?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.json["errors"][0]["field"], field, "{query}");
    }
    let both = api.get(&format!("/api/tickets?sort=x&{long}")).await;
    let errors = json!([
        { "message": "Search must be at most 100 characters", "field": "q" },
        { "message": "Sort must be newest, price or -price", "field": "sort" },
    ]);
    assert_eq!(both.json["errors"], errors);
    assert_eq!(api.get("/api/tickets?q=a&q=b").await.status, 400);
    // A position in one list is invalid in another.
    for (list, other) in [("price", "newest"), ("newest", "-price")] {
        let page = api.get(&format!("/api/tickets?sort={list}&limit=1")).await;
        let next = page.next_page().unwrap().replace(list, other);
        assert_eq!(api.get(&next).await.status, 400, "{next}");
    }
    app.finish().await;
}
