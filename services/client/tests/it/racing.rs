//! Two browsers, one ticket; and a price that changed in between.

use crate::{HOLD, net_charged, sell, seller, shopper, with_shop};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_press_buy_at_once_one_has_the_ticket_and_the_other_is_told() {
    with_shop(HOLD, async |fleet| {
        let ticket = sell(&seller(fleet).await, "Chess final, table side", 12.0).await;
        let (one, other) = tokio::join!(shopper(fleet), shopper(fleet));
        tokio::join!(one.goto(&ticket), other.goto(&ticket));
        tokio::join!(one.wait_for_text("Buy"), other.wait_for_text("Buy"));
        // Pressed on the page as it is, even if it would show a moment later that the other was quicker.
        let press = "document.querySelector('#offer form').requestSubmit();";
        tokio::join!(
            one.execute(press, Vec::new()),
            other.execute(press, Vec::new())
        );
        tokio::join!(
            one.wait_for("#main .desk, #main .notice.bad"),
            other.wait_for("#main .desk, #main .notice.bad")
        );
        let (mut won, mut told) = (0, 0);
        for browser in [&one, &other] {
            if browser.path().await.starts_with("/orders/") {
                won += 1;
            } else {
                browser.wait_for_text("Ticket is already reserved").await;
                browser.wait_for_text("Somebody else was quicker.").await;
                browser.screenshot("ticket-lost").await;
                told += 1;
            }
        }
        assert_eq!((won, told), (1, 1));
        assert_eq!(net_charged(fleet), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_was_not_shown_is_not_paid() {
    with_shop(HOLD, async |fleet| {
        let ticket = sell(&seller(fleet).await, "Chess final, front row", 12.0).await;
        let browser = shopper(fleet).await;
        browser.goto(&ticket).await;
        browser.wait_for_text("Buy").await;
        // The page as it was before the seller asked for more.
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
