//! The shop as a shopper sees it: a real browser, the whole fleet behind it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod alive;
mod buying;
mod keyboard;
mod looks;
mod racing;
mod selling;
mod signing_in;
mod trouble;
mod twice;
mod withdrawing;
mod without_script;

use std::time::Duration;

use serde_json::json;
use testkit::browser::{Browser, BrowserSettings};
use testkit::{Api, Fleet, FleetSettings};
use tokio::sync::Semaphore;

/// As long as production holds a ticket.
const HOLD: Duration = Duration::from_mins(15);

/// How long what is alive on a page may take to show, on a machine with much to do; without a load it is a moment.
const MOMENT: Duration = Duration::from_secs(10);

/// A fleet is a dozen processes, and a browser as many: one at a time is enough for two cores.
static ROOM: Semaphore = Semaphore::const_new(1);

/// Runs a journey in a fleet of its own, which must end in order, and no page of which may have tried what its
/// content security policy forbids.
async fn with_shop(hold: Duration, journey: impl AsyncFnOnce(&Fleet)) {
    let settings = FleetSettings {
        expiration: hold,
        ..FleetSettings::default()
    };
    with_fleet(settings, journey).await;
}

/// As [`with_shop`], in a fleet of one's own liking.
async fn with_fleet(settings: FleetSettings, journey: impl AsyncFnOnce(&Fleet)) {
    let _room = ROOM.acquire().await.unwrap();
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

/// A browser in which nobody is signed in.
async fn guest(fleet: &Fleet) -> Browser {
    Browser::open(BrowserSettings::new(fleet.origin())).await
}

/// One more browser beside others, in which nobody is signed in.
async fn another_guest(beside: &Browser, fleet: &Fleet) -> Browser {
    let settings = BrowserSettings::new(fleet.origin());
    beside.open_beside(settings).await
}

/// A browser in which somebody new is signed in.
async fn shopper(fleet: &Fleet) -> Browser {
    let browser = guest(fleet).await;
    sign_in(&browser, &Api::sign_up(&fleet.origin()).await).await;
    browser
}

/// Gives the browser somebody's session.
async fn sign_in(browser: &Browser, user: &Api) {
    browser.goto("/robots.txt").await;
    let session = user.cookie().expect("somebody who is signed in");
    browser.set_cookie("session", &session).await;
}

/// Puts a ticket up for sale by the API, and gives its page's path.
async fn sell(seller: &Api, title: &str, price: f64) -> String {
    let body = json!({ "title": title, "price": price });
    let answer = seller.post("/api/tickets", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    format!("/tickets/{}", answer.id())
}

/// Somebody who sells.
async fn seller(fleet: &Fleet) -> Api {
    Api::sign_up(&fleet.origin()).await
}

/// Presses Buy on a ticket's page, and gives the path of the order's.
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

/// What Stripe charged and did not give back, in cents.
fn net_charged(fleet: &Fleet) -> i64 {
    let totals = fleet.stripe().ledger().totals;
    totals.charged - totals.refunded
}

/// Fails if the page complained, jumped about, or asked anybody but us and Stripe for anything.
async fn expect_clean(browser: &Browser, fleet: &Fleet) {
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    expect_steady(browser).await;
    let (ours, stripe) = (fleet.origin(), fleet.stripe().base_url());
    for request in browser.requests().await {
        let known = [&ours, &stripe]
            .into_iter()
            .any(|origin| request.url.starts_with(origin.as_str()));
        assert!(known || request.url.starts_with("data:"), "{request:?}");
    }
}

/// Fails if the page jumped about more than a person sees.
async fn expect_steady(browser: &Browser) {
    let shift = browser.layout_shift().await;
    assert!(shift < 0.01, "{} shifted by {shift}", browser.path().await);
}
