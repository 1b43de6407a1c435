//! The shop in a real browser, with the whole fleet.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod buying;
mod errors;
mod keyboard;
mod live;
mod pages;
mod racing;
mod selling;
mod signing_in;
mod twice;
mod withdrawing;
mod without_script;

use std::time::Duration;

use serde_json::json;
use testkit::browser::{Browser, BrowserSettings};
use testkit::{Api, Fleet, FleetSettings};
use tokio::sync::Semaphore;

/// How long production reserves a ticket.
const HOLD: Duration = Duration::from_mins(15);

/// How long a live update may take on a busy machine.
const UPDATE_LIMIT: Duration = Duration::from_secs(10);

/// One fleet at a time: a fleet is a dozen processes and a browser is as many, which is enough for two cores.
static SLOT: Semaphore = Semaphore::const_new(1);

/// Runs a journey in its own fleet. The fleet must stop in order, and no page may violate the content security policy.
async fn with_shop(hold: Duration, journey: impl AsyncFnOnce(&Fleet)) {
    let settings = FleetSettings {
        expiration: hold,
        ..FleetSettings::default()
    };
    with_fleet(settings, journey).await;
}

/// Like [`with_shop`], with these settings.
async fn with_fleet(settings: FleetSettings, journey: impl AsyncFnOnce(&Fleet)) {
    let _slot = SLOT.acquire().await.unwrap();
    let fleet = Fleet::start(settings).await.unwrap();
    journey(&fleet).await;
    for client in fleet.service("client") {
        let log = std::fs::read_to_string(client.log()).unwrap();
        let mut lines = log.lines();
        let report = lines.find(|line| line.contains("broke the content security policy"));
        assert_eq!(report, None);
    }
    assert_eq!(fleet.unexpected_exits(), Vec::<String>::new());
    fleet.stop().await.unwrap();
}

/// A browser without a session.
async fn guest(fleet: &Fleet) -> Browser {
    Browser::open(BrowserSettings::new(fleet.origin())).await
}

/// Another browser without a session, next to this one.
async fn another_guest(browser: &Browser, fleet: &Fleet) -> Browser {
    let settings = BrowserSettings::new(fleet.origin());
    browser.open_beside(settings).await
}

/// A browser with the session of a new user.
async fn shopper(fleet: &Fleet) -> Browser {
    let browser = guest(fleet).await;
    sign_in(&browser, &Api::sign_up(&fleet.origin()).await).await;
    browser
}

/// Sets the user's session in the browser.
async fn sign_in(browser: &Browser, user: &Api) {
    browser.goto("/robots.txt").await;
    let session = user.cookie().expect("the user is signed in");
    browser.set_cookie("session", &session).await;
}

/// Puts a ticket up for sale by the API, and returns the path of its page.
async fn sell(seller: &Api, title: &str, price: f64) -> String {
    let body = json!({ "title": title, "price": price });
    let answer = seller.post("/api/tickets", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    format!("/tickets/{}", answer.id())
}

/// A new user.
async fn seller(fleet: &Fleet) -> Api {
    Api::sign_up(&fleet.origin()).await
}

/// Presses Buy on a ticket's page, and returns the path of the order's page.
async fn buy(browser: &Browser, ticket: &str) -> String {
    browser.goto(ticket).await;
    browser.click_text("Buy").await;
    browser.wait_for_path("/orders/").await;
    browser.path().await
}

/// Types a card into Stripe's form.
async fn type_card(browser: &Browser, number: &str) {
    let typing = async |frame: &Browser| {
        frame.fill("Card number", number).await;
        frame.fill("Expiry date", "12 / 34").await;
        frame.fill("Security code", "123").await;
    };
    browser.in_frame("#card iframe", typing).await;
}

/// What Stripe charged minus what it refunded, in cents.
fn net_charged(fleet: &Fleet) -> i64 {
    let totals = fleet.stripe().ledger().totals;
    totals.charged - totals.refunded
}

/// Asserts that the page logged no errors, did not shift, and sent requests only to us and Stripe.
async fn expect_clean(browser: &Browser, fleet: &Fleet) {
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    expect_steady(browser).await;
    let (ours, stripe) = (fleet.origin(), fleet.stripe().base_url());
    for request in browser.requests().await {
        let allowed = [&ours, &stripe]
            .into_iter()
            .any(|origin| request.url.starts_with(origin.as_str()));
        assert!(allowed || request.url.starts_with("data:"), "{request:?}");
    }
}

/// Asserts that the layout did not shift visibly.
async fn expect_steady(browser: &Browser) {
    let shift = browser.layout_shift().await;
    assert!(shift < 0.01, "{} shifted by {shift}", browser.path().await);
}
