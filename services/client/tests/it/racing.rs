//! Competing buyers, and price changes during a purchase.

use crate::{HOLD, net_charged, sell, seller, shopper, with_shop};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_concurrent_buyers_one_gets_the_ticket_and_the_other_a_message() {
    with_shop(HOLD, async |fleet| {
        let ticket = sell(&seller(fleet).await, "Chess final, table side", 12.0).await;
        let (one, other) = tokio::join!(shopper(fleet), shopper(fleet));
        tokio::join!(one.goto(&ticket), other.goto(&ticket));
        tokio::join!(one.wait_for_text("Buy"), other.wait_for_text("Buy"));
        // Submits the form directly, since the page may already be about to show that the other was quicker.
        let press = "document.querySelector('#offer form').requestSubmit();";
        tokio::join!(
            one.execute(press, Vec::new()),
            other.execute(press, Vec::new())
        );
        tokio::join!(
            one.wait_for("#main .desk, #main .notice.bad"),
            other.wait_for("#main .desk, #main .notice.bad")
        );
        let (mut won, mut lost) = (0, 0);
        for browser in [&one, &other] {
            if browser.path().await.starts_with("/orders/") {
                won += 1;
            } else {
                browser.wait_for_text("Ticket is already reserved").await;
                browser.wait_for_text("Somebody else was quicker.").await;
                browser.screenshot("ticket-lost").await;
                lost += 1;
            }
        }
        assert_eq!((won, lost), (1, 1));
        assert_eq!(net_charged(fleet), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_only_bought_at_the_displayed_price() {
    with_shop(HOLD, async |fleet| {
        let ticket = sell(&seller(fleet).await, "Chess final, front row", 12.0).await;
        let browser = shopper(fleet).await;
        browser.goto(&ticket).await;
        browser.wait_for_text("Buy").await;
        // As if the page had been rendered before the seller raised the price.
        let older = "document.querySelector('#shown-price').value = '1100';";
        browser.execute(older, Vec::new()).await;
        browser.click_text("Buy").await;
        browser
            .wait_for_text("The seller has changed the price.")
            .await;
        browser.wait_for_text("$12.00").await;
        browser.click_text("Buy").await;
        browser.wait_for_path("/orders/").await;
        browser.wait_for_text("Pay $12.00").await;
    })
    .await;
}
