//! The shop without JavaScript.

use serde_json::json;
use testkit::Api;
use testkit::browser::{Browser, BrowserSettings};
use testkit::fresh;

use crate::{HOLD, net_charged, sell, seller, with_shop};

#[tokio::test(flavor = "multi_thread")]
async fn everything_but_paying_works_without_script() {
    with_shop(HOLD, async |fleet| {
        let seller = seller(fleet).await;
        sell(&seller, "Jazz at the harbour", 24.5).await;
        sell(&seller, "Marathon start", 55.0).await;
        let settings = BrowserSettings {
            script: false,
            ..BrowserSettings::new(fleet.origin())
        };
        let (browser, email, password) = (
            Browser::open(settings).await,
            fresh::email(),
            fresh::password(),
        );
        browser.goto("/auth/signup").await;
        browser.fill("Email", &email).await;
        browser.fill("Password", &password).await;
        browser.click_text("Create account").await;
        browser.wait_for_text(&email).await;
        browser.fill("Search by title", "jazz").await;
        browser.click_text("Search").await;
        browser.wait_for_text("Results for jazz").await;
        browser.click(".stub a").await;
        browser.wait_for_path("/tickets/").await;
        browser.click_text("Buy").await;
        browser.wait_for_text("It is reserved for you until").await;
        browser.screenshot("order-without-script").await;
        let path = browser.path().await;

        // The shopper signs in on another device and pays there.
        let device = Api::anonymous(&fleet.origin());
        let credentials = json!({ "email": email, "password": password });
        assert_eq!(
            device.post("/api/users/signin", credentials).await.status,
            200
        );
        let order = path.split('/').nth(2).unwrap();
        let payment = json!({ "token": "tok_visa", "orderId": order });
        let paid = device.post("/api/payments", payment).await;
        assert_eq!(paid.status, 201, "{paid:?}");
        browser.wait_for_text("It is yours").await;
        assert_eq!(net_charged(fleet), 2_450);

        browser.goto("/").await;
        browser.click(".stub a").await;
        browser.click_text("Buy").await;
        browser.click_text("Cancel this order").await;
        browser.wait_for_text("Cancelled").await;
        browser.click_text("Sign out").await;
        browser.wait_for_text("Sign in").await;
    })
    .await;
}
