//! Live updates of open pages.

use serde_json::json;

use crate::{
    HOLD, UPDATE_LIMIT, another_guest, buy, expect_clean, guest, sell, seller, shopper, with_shop,
};

#[tokio::test(flavor = "multi_thread")]
async fn changes_appear_on_open_pages_without_a_reload() {
    with_shop(HOLD, async |fleet| {
        let seller = seller(fleet).await;
        let ticket = sell(&seller, "Poetry night", 9.99).await;
        let (shelf, buyer) = (guest(fleet).await, shopper(fleet).await);
        let page = another_guest(&shelf, fleet).await;
        shelf.goto("/").await;
        shelf.wait_for_text("Live").await;
        page.goto(&ticket).await;
        page.wait_for_text("$9.99").await;
        let loads = |requests: Vec<testkit::browser::Request>| {
            requests
                .iter()
                .filter(|request| request.kind == "Document")
                .count()
        };
        let before = (loads(shelf.requests().await), loads(page.requests().await));

        let dearer = json!({ "title": "Poetry night, late", "price": 12 });
        let edited = seller.put(&format!("/api{ticket}"), dearer).await;
        assert_eq!(edited.status, 200, "{edited:?}");
        shelf.wait_for_text_within(UPDATE_LIMIT, "$12.00").await;
        page.wait_for_text_within(
            UPDATE_LIMIT,
            "The seller changed the price from $9.99 to $12.00.",
        )
        .await;
        shelf
            .wait_for_text_within(UPDATE_LIMIT, "Poetry night, late")
            .await;

        sell(&seller, "Second reading", 8.0).await;
        shelf
            .wait_for_text_within(UPDATE_LIMIT, "1 new ticket")
            .await;
        shelf.screenshot("home-with-news").await;

        buy(&buyer, &ticket).await;
        shelf.wait_for_text_within(UPDATE_LIMIT, "Reserved").await;
        page.wait_for_text_within(UPDATE_LIMIT, "It was reserved just now.")
            .await;
        buyer.click_text("Cancel this order").await;
        buyer.wait_for_text("Cancelled").await;
        page.wait_for_text_within(UPDATE_LIMIT, "It is for sale again.")
            .await;

        let after = (loads(shelf.requests().await), loads(page.requests().await));
        assert_eq!(before, after, "a page was loaded again");
        for browser in [&shelf, &page, &buyer] {
            expect_clean(browser, fleet).await;
        }
        shelf.click(".news").await;
        shelf.wait_for_text("Second reading").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_catches_up_after_a_lost_connection() {
    with_shop(HOLD, async |fleet| {
        let seller = seller(fleet).await;
        let ticket = sell(&seller, "Comedy cellar", 18.0).await;
        let shelf = guest(fleet).await;
        shelf.goto("/").await;
        shelf.wait_for_text("Live").await;
        fleet.service("tickets")[0].stop().await.unwrap();
        fleet.service("tickets")[0].start().await.unwrap();
        fleet.service("tickets")[0].wait_ready().await.unwrap();
        let cheaper = json!({ "title": "Comedy cellar", "price": 15 });
        let edited = seller.put(&format!("/api{ticket}"), cheaper).await;
        assert_eq!(edited.status, 200, "{edited:?}");
        shelf.wait_for_text("$15.00").await;
    })
    .await;
}
