//! Withdrawing a ticket.

use serde_json::json;
use testkit::browser::{Browser, BrowserSettings, Viewport};

use crate::{
    HOLD, UPDATE_LIMIT, another_guest, expect_steady, guest, sell, seller, sign_in, with_shop,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_confirms_the_withdrawal_of_a_ticket_without_script() {
    with_shop(HOLD, async |fleet| {
        let seller = seller(fleet).await;
        let ticket = sell(&seller, "Ballet: Giselle, stalls G12", 96.0).await;
        for (screen, size, dark) in [
            ("phone", Viewport::PHONE, false),
            ("desktop", Viewport::DESKTOP, false),
            ("dark", Viewport::PHONE, true),
        ] {
            let settings = BrowserSettings {
                script: false,
                size,
                dark,
                ..BrowserSettings::new(fleet.origin())
            };
            let browser = Browser::open(settings).await;
            sign_in(&browser, &seller).await;
            browser.goto(&ticket).await;
            browser
                .screenshot(&format!("ticket-of-seller-{screen}"))
                .await;
            browser.click_text("Withdraw it from sale").await;
            browser.wait_for_text("Withdraw it from sale?").await;
            browser.screenshot(&format!("withdraw-{screen}")).await;
            if screen != "dark" {
                browser.click_text("Keep it for sale").await;
                browser.wait_for_text("Change it").await;
                continue;
            }
            browser.click_text("Withdraw it").await;
            browser
                .wait_for_text("Withdrawn. It is no longer for sale.")
                .await;
            browser.screenshot(&format!("withdrawn-{screen}")).await;
            browser
                .wait_for_text("You are not selling anything yet")
                .await;
            browser.goto(&ticket).await;
            browser.wait_for_text("No seat by that number").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_appears_on_open_pages_and_is_refused_for_a_reserved_ticket() {
    with_shop(HOLD, async |fleet| {
        let seller = seller(fleet).await;
        let ticket = sell(&seller, "Poetry night", 9.99).await;
        let taken = sell(&seller, "Second reading", 8.0).await;
        let shelf = guest(fleet).await;
        let page = another_guest(&shelf, fleet).await;
        shelf.goto("/").await;
        shelf.wait_for_text("Live").await;
        page.goto(&ticket).await;
        page.wait_for_text("$9.99").await;
        let own = another_guest(&shelf, fleet).await;
        sign_in(&own, &seller).await;
        own.goto(&format!("{ticket}/withdraw")).await;
        own.expect_accessible().await;
        own.click_text("Withdraw it").await;
        own.wait_for_text("Withdrawn. It is no longer for sale.")
            .await;
        own.expect_accessible().await;
        shelf.wait_for_text_within(UPDATE_LIMIT, "Withdrawn").await;
        shelf.screenshot("home-with-withdrawn").await;
        page.wait_for_text_within(UPDATE_LIMIT, "The seller has just withdrawn it.")
            .await;
        page.wait_for_text("See what is for sale").await;
        page.screenshot("ticket-withdrawn").await;
        page.expect_accessible().await;
        expect_steady(&shelf).await;

        own.goto(&format!("{taken}/withdraw")).await;
        let buyer = testkit::Api::sign_up(&fleet.origin()).await;
        let body = json!({ "ticketId": taken.split('/').nth(2).unwrap() });
        assert_eq!(buyer.post("/api/orders", body).await.status, 201);
        shelf.wait_for_text_within(UPDATE_LIMIT, "Reserved").await;
        own.click_text("Withdraw it").await;
        own.wait_for_text("Cannot withdraw a reserved ticket").await;
        own.screenshot("withdrawal-refused").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_seller_can_withdraw_a_ticket() {
    with_shop(HOLD, async |fleet| {
        let ticket = sell(&seller(fleet).await, "Front row", 10.0).await;
        let path = format!("{ticket}/withdraw");
        let stranger = seller(fleet).await;
        assert_eq!(stranger.get(&path).await.status, 404);
        let refused = stranger
            .send(stranger.request(reqwest::Method::POST, &path))
            .await;
        assert_eq!(refused.status, 404, "{refused:?}");
        let anonymous = testkit::Api::anonymous(&fleet.origin());
        let redirect = anonymous.get(&path).await;
        assert_eq!(redirect.status, 303);
        let location = redirect.headers["location"].to_str().unwrap();
        assert!(location.starts_with("/auth/signin"), "{location}");
        assert_eq!(stranger.get(&ticket).await.status, 200);
    })
    .await;
}
