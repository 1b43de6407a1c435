//! Buying a ticket with a card.

use std::time::Duration;

use testkit::fresh;

use crate::{
    HOLD, UPDATE_LIMIT, buy, expect_clean, guest, net_charged, sell, seller, shopper, type_card,
    with_shop,
};

const GOOD_CARD: &str = "4242 4242 4242 4242";
const DECLINED_CARD: &str = "4000 0000 0000 0002";

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_finds_a_ticket_signs_up_and_buys_it() {
    with_shop(HOLD, async |fleet| {
        let seller = seller(fleet).await;
        sell(&seller, "Jazz at the harbour", 24.5).await;
        sell(&seller, "Derby, north stand", 41.25).await;
        let browser = guest(fleet).await;
        browser.goto("/").await;
        browser.fill("Search by title", "harbour JAZZ").await;
        browser.click_text("Search").await;
        browser.wait_for_text("Results for harbour JAZZ").await;
        assert_eq!(
            browser.texts_of(".stub-title").await,
            ["Jazz at the harbour"]
        );
        browser.click(".stub a").await;
        browser.wait_for_text("$24.50").await;
        expect_clean(&browser, fleet).await;

        browser.click_text("Sign in to buy").await;
        browser.click_text("Sign up").await;
        browser.wait_for_path("/auth/signup").await;
        browser.click("main .aside a").await;
        browser.wait_for_path("/auth/signin").await;
        browser.click("main .aside a").await;
        browser.wait_for_path("/auth/signup").await;
        browser.fill("Email", &fresh::email()).await;
        browser.fill("Password", &fresh::password()).await;
        browser.click_text("Create account").await;
        browser.wait_for_path("/tickets/").await;
        browser.click_text("Buy").await;
        browser.wait_for_text("left to pay").await;
        browser.wait_for_text("Pay by card").await;
        type_card(&browser, GOOD_CARD).await;
        browser.click_text("Pay $24.50").await;
        browser.wait_for_text("It is yours").await;
        expect_clean(&browser, fleet).await;
        assert_eq!(net_charged(fleet), 2_450);

        browser.click_text("All your orders").await;
        browser.wait_for_text("Paid").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_declined_card_another_one_pays_once_despite_a_double_click() {
    with_shop(HOLD, async |fleet| {
        let ticket = sell(&seller(fleet).await, "Opera, box for two", 320.0).await;
        let browser = shopper(fleet).await;
        buy(&browser, &ticket).await;
        type_card(&browser, DECLINED_CARD).await;
        browser.click_text("Pay $320.00").await;
        browser.wait_for_text("Your bank declined this card.").await;
        browser.screenshot("order-declined").await;
        assert_eq!(net_charged(fleet), 0);

        type_card(&browser, GOOD_CARD).await;
        browser.forget_requests().await;
        let twice =
            "const button = document.querySelector('.pay button'); button.click(); button.click();";
        browser.execute(twice, Vec::new()).await;
        browser.wait_for_text("It is yours").await;
        let requests = browser.requests().await;
        let payments = requests
            .iter()
            .filter(|request| request.url.ends_with("/api/payments"));
        assert_eq!(payments.count(), 1);
        assert_eq!(net_charged(fleet), 32_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_order_expires_on_the_screen() {
    with_shop(Duration::from_secs(8), async |fleet| {
        let ticket = sell(&seller(fleet).await, "Marathon start", 55.0).await;
        let (browser, other) = (shopper(fleet).await, guest(fleet).await);
        other.goto("/").await;
        other.wait_for_text("Live").await;
        buy(&browser, &ticket).await;
        browser.wait_for_text("left to pay").await;
        other.wait_for_text_within(UPDATE_LIMIT, "Reserved").await;
        browser.wait_for_text("Expired").await;
        browser.screenshot("order-expired").await;
        other.wait_for_text_within(UPDATE_LIMIT, "For sale").await;
        expect_clean(&browser, fleet).await;
        expect_clean(&other, fleet).await;

        browser.click_text("Look at the ticket again").await;
        browser.click_text("Buy").await;
        browser.wait_for_text("left to pay").await;
        browser.click_text("Cancel this order").await;
        browser.wait_for_text("Cancelled").await;
        assert_eq!(net_charged(fleet), 0);
    })
    .await;
}
