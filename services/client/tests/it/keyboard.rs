//! Buying a ticket with the keyboard only.

use testkit::browser::{Browser, Key};

use crate::{HOLD, expect_clean, net_charged, sell, seller, shopper, with_shop};

/// More than the number of focusable elements on any page.
const MAX_TABS: usize = 30;

/// Presses the tab key until the element with this name has the focus. Every element on the way must show its focus.
async fn tab_to(browser: &Browser, name: &str) {
    let mut passed = Vec::new();
    for _ in 0..MAX_TABS {
        browser.press(Key::Tab).await;
        let focused = browser.focused().await;
        // A frame shows the focus inside.
        assert!(
            focused.outlined || focused.tag == "iframe" || focused.tag == "body",
            "{focused:?}"
        );
        if focused.name == name {
            return;
        }
        passed.push(focused.name);
    }
    panic!("{name:?} cannot be reached by the tab key: {passed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_can_be_bought_with_the_keyboard_only() {
    with_shop(HOLD, async |fleet| {
        sell(&seller(fleet).await, "Philharmonic, row 3", 85.0).await;
        let browser = shopper(fleet).await;
        browser.goto("/").await;
        browser.press(Key::Tab).await;
        assert_eq!(browser.focused().await.name, "Skip to the content");
        browser.press(Key::Enter).await;
        tab_to(&browser, "Search by title").await;
        browser.type_keys("phil").await;
        browser.press(Key::Enter).await;
        browser.wait_for_text("Results for phil").await;
        tab_to(&browser, "Philharmonic, row 3 $85.00 For sale").await;
        browser.press(Key::Enter).await;
        browser.wait_for_path("/tickets/").await;
        tab_to(&browser, "Buy").await;
        browser.press(Key::Enter).await;
        browser.wait_for_text("left to pay").await;
        browser.wait_for("#card iframe").await;
        // Through the three fields in the frame of the card form.
        tab_to(&browser, "Secure card payment input").await;
        browser.type_keys("4242424242424242").await;
        browser.press(Key::Tab).await;
        browser.type_keys("1234").await;
        browser.press(Key::Tab).await;
        browser.type_keys("123").await;
        tab_to(&browser, "Pay $85.00").await;
        browser.press(Key::Enter).await;
        browser.wait_for_text("It is yours").await;
        assert_eq!(browser.focused().await.name, "It is yours");
        assert_eq!(net_charged(fleet), 8_500);
        expect_clean(&browser, fleet).await;
    })
    .await;
}
