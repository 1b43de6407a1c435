//! Selling and editing tickets.

use reqwest::Method;
use serde_json::json;
use testkit::browser::{Browser, BrowserSettings, Viewport};
use testkit::{Api, Fleet};

use crate::{HOLD, expect_clean, expect_steady, guest, sign_in, with_shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_corrects_and_edits_a_ticket_until_it_is_reserved() {
    with_shop(HOLD, async |fleet| {
        let (seller, browser) = (Api::sign_up(&fleet.origin()).await, guest(fleet).await);
        sign_in(&browser, &seller).await;
        browser.goto("/tickets/mine").await;
        browser
            .wait_for_text("You are not selling anything yet")
            .await;
        browser.click_text("Sell a ticket").await;
        browser.fill("Title", "Ballet: Giselle, stalls G12").await;
        browser.fill("Price in US dollars", "a lot").await;
        browser.click_text("Put it up for sale").await;
        browser.wait_for_text("Price must be greater than 0").await;
        assert_eq!(browser.value("Title").await, "Ballet: Giselle, stalls G12");
        assert_eq!(browser.value("Price in US dollars").await, "a lot");
        assert_eq!(browser.focused().await.name, "Price in US dollars");
        browser.expect_accessible().await;
        expect_steady(&browser).await;

        browser.fill("Price in US dollars", "$96").await;
        browser.click_text("Put it up for sale").await;
        browser.wait_for_text("Saved.").await;
        browser.screenshot("ticket-saved").await;
        browser.wait_for_text("$96.00").await;
        browser.fill("Price in US dollars", "1250.50").await;
        browser.click_text("Save changes").await;
        browser.wait_for_text("$1,250.50").await;
        let page = browser.path().await;
        let ticket = page.split(['/', '?']).nth(2).unwrap().to_owned();
        let complaints = browser.console_errors_but(&["status of 400"]).await;
        assert_eq!(complaints, Vec::<String>::new());

        let buyer = Api::sign_up(&fleet.origin()).await;
        let order = buyer
            .post("/api/orders", json!({ "ticketId": ticket }))
            .await;
        assert_eq!(order.status, 201, "{order:?}");
        browser.wait_for_text("Somebody has reserved it").await;
        browser.fill("Price in US dollars", "1300").await;
        browser.click_text("Save changes").await;
        browser.wait_for_text("Cannot edit a reserved ticket").await;
        assert_eq!(browser.value("Price in US dollars").await, "1300");
        browser.goto("/tickets/mine").await;
        browser.wait_for_text("Reserved or sold").await;
    })
    .await;
}

/// Sends the form for a new ticket with this price.
async fn offer(seller: &Api, price: &str) -> testkit::Answer {
    let form = [("title", "Front row"), ("price", price)];
    let sell = seller.request(Method::POST, "/tickets/new").form(&form);
    seller.send(sell).await
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_in_many_notations_are_understood_or_questioned() {
    with_shop(HOLD, async |fleet| {
        let seller = Api::sign_up(&fleet.origin()).await;
        for (typed, shown) in [
            ("19,99", "$19.99"),
            ("$1,250.00", "$1,250.00"),
            ("1 250,50", "$1,250.50"),
            (" 20 ", "$20.00"),
            ("1.250,00", "$1,250.00"),
            (".50", "$0.50"),
            ("20,-", "$20.00"),
        ] {
            let sold = offer(&seller, typed).await;
            assert_eq!(sold.status, 303, "{typed}: {sold:?}");
            let page = seller.get(sold.headers["location"].to_str().unwrap()).await;
            assert!(page.text.contains(shown), "{typed}: {}", page.text);
        }
        let before = seller.get("/api/tickets/mine").await.json;
        for (typed, message) in [
            (
                "1,250",
                "Is that $1,250.00 or $1.25? Please write 1250.00 or 1.25.",
            ),
            ("20 €", "Prices are in US dollars."),
            ("19.999.5", "We cannot read this as a price."),
            ("0.3", "Price must be at least 0.50"),
            ("", "Price must be greater than 0"),
        ] {
            let refused = offer(&seller, typed).await;
            assert_eq!(refused.status, 400, "{typed}: {refused:?}");
            assert!(refused.text.contains(message), "{typed}: {}", refused.text);
            let is_kept = typed.is_empty() || refused.text.contains(&format!("value=\"{typed}\""));
            assert!(is_kept, "{typed}: {}", refused.text);
        }
        assert_eq!(seller.get("/api/tickets/mine").await.json, before);
        for (name, size) in [("phone", Viewport::PHONE), ("desktop", Viewport::DESKTOP)] {
            check_refused_form(fleet, &seller, name, size).await;
        }
    })
    .await;
}

/// Checks the form with an error in the title and a question about the price.
async fn check_refused_form(fleet: &Fleet, seller: &Api, name: &str, size: Viewport) {
    let settings = BrowserSettings {
        size,
        ..BrowserSettings::new(fleet.origin())
    };
    let browser = Browser::open(settings).await;
    sign_in(&browser, seller).await;
    browser.goto("/tickets/new").await;
    browser.fill("Title", "\u{3000}").await;
    browser.fill("Price in US dollars", "1,250").await;
    browser.click_text("Put it up for sale").await;
    browser.wait_for_text("Title is required").await;
    browser.wait_for_text("Is that $1,250.00 or $1.25?").await;
    assert_eq!(browser.value("Price in US dollars").await, "1,250");
    browser.expect_accessible().await;
    expect_steady(&browser).await;
    browser
        .screenshot(&format!("sell-with-faults-{name}"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_sets_the_cookie_for_reading_ones_own_writes() {
    with_shop(HOLD, async |fleet| {
        let seller = Api::sign_up(&fleet.origin()).await;
        let form = [("title", "Front row"), ("price", "20")];
        let sell = seller.request(Method::POST, "/tickets/new").form(&form);
        let sold = seller.send(sell).await;
        let page = sold.headers["location"].to_str().unwrap();
        let page = page.trim_end_matches("?saved");
        let change = seller.request(Method::POST, page).form(&form);
        let changed = seller.send(change).await;
        for answer in [sold, changed] {
            assert_eq!(answer.status, 303, "{answer:?}");
            let cookie = answer.headers["set-cookie"].to_str().unwrap();
            assert!(cookie.starts_with("wrote=1;"), "{cookie}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_seller_can_edit_a_ticket() {
    with_shop(HOLD, async |fleet| {
        let seller = Api::sign_up(&fleet.origin()).await;
        let ticket = crate::sell(&seller, "Front row", 19.99).await;
        let browser = crate::shopper(fleet).await;
        browser.goto(&ticket).await;
        browser.wait_for_text("Buy").await;
        assert!(!browser.has_text("Change it").await);
        sign_in(&browser, &seller).await;
        browser.goto(&ticket).await;
        browser.wait_for_text("Change it").await;
        assert!(!browser.has_text("Buy").await);
        expect_clean(&browser, fleet).await;
    })
    .await;
}
