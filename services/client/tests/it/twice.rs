//! Forms that are sent twice create one thing.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::browser::{Browser, BrowserSettings};
use testkit::{Api, Condition, Dependency, Fleet, FleetSettings, fresh};

use crate::{HOLD, guest, sell, seller, sign_in, with_fleet, with_shop};

/// The token of the form on this page.
async fn token(api: &Api, page: &str) -> String {
    let page = api.get(page).await;
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.text.split_once("name=\"once\" value=\"").unwrap();
    let token = rest.split('"').next().unwrap();
    assert_eq!(token.len(), 32, "{token}");
    token.to_owned()
}

async fn tickets_of(seller: &Api) -> Vec<Value> {
    let tickets = seller.get("/api/tickets/mine").await;
    tickets.json.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_creates_one_ticket() {
    let settings = FleetSettings {
        proxied: true,
        ..FleetSettings::default()
    };
    with_fleet(settings, async |fleet| {
        // Slow enough for the second click to arrive before the first is answered.
        let tickets = fleet.service("tickets");
        let database = tickets[0].link(Dependency::Mongo);
        let slow = Condition::Delayed(Duration::from_millis(200));
        database.expect("a link to its database").set(slow);
        for script in [true, false] {
            let settings = BrowserSettings {
                script,
                ..BrowserSettings::new(fleet.origin())
            };
            let browser = Browser::open(settings).await;
            let mut sent = 0;
            // Sometimes the second click is still too late.
            for _ in 0..5 {
                sent = sent.max(double_click(&browser, fleet).await);
                if sent == 2 {
                    break;
                }
            }
            assert_eq!(sent, 2, "no form was sent twice");
        }
    })
    .await;
}

/// A new user sells a ticket with a double click. Returns how often the form was sent.
async fn double_click(browser: &Browser, fleet: &Fleet) -> usize {
    let seller = seller(fleet).await;
    sign_in(browser, &seller).await;
    browser.goto("/tickets/new").await;
    browser.fill("Title", "Ballet: Giselle, stalls G12").await;
    browser.fill("Price in US dollars", "96").await;
    browser.forget_requests().await;
    browser.double_click_text("Put it up for sale").await;
    browser.wait_for_text("Saved.").await;
    let tickets = tickets_of(&seller).await;
    assert_eq!(tickets.len(), 1, "{tickets:?}");
    let path = format!("/tickets/{}", tickets[0]["id"].as_str().unwrap());
    assert!(browser.path().await.starts_with(&path));
    let requests = browser.requests().await;
    let sent = requests.iter();
    sent.filter(|request| request.url.ends_with("/tickets/new"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_leads_to_the_same_result() {
    with_shop(HOLD, async |fleet| {
        let user = seller(fleet).await;
        new_ticket_twice(&user).await;
        order_twice(&user, fleet).await;
        sign_up_twice(fleet).await;
    })
    .await;
}

async fn new_ticket_twice(user: &Api) {
    let once = token(user, "/tickets/new").await;
    let send = async |price: &str| {
        let form = [("title", "Front row"), ("price", price), ("once", &once)];
        let request = user.request(Method::POST, "/tickets/new").form(&form);
        user.send(request).await
    };
    // A refused form can be corrected and sent again.
    assert_eq!(send("nothing").await.status, 400);
    let (first, second) = tokio::join!(send("20"), send("20"));
    assert_eq!(
        (first.status, second.status),
        (303, 303),
        "{first:?} {second:?}"
    );
    assert_eq!(first.headers["location"], second.headers["location"]);
    assert_eq!(tickets_of(user).await.len(), 1);
    // The user goes back and sends the form with another ticket.
    let changed = send("30").await;
    assert_eq!(changed.status, 400);
    assert!(
        changed.text.contains("This form was already sent."),
        "{}",
        changed.text
    );
    assert!(!changed.text.contains(&once), "it has a new token");
    assert_eq!(tickets_of(user).await.len(), 1);
}

async fn order_twice(user: &Api, fleet: &Fleet) {
    let ticket = sell(&seller(fleet).await, "Second row", 10.0).await;
    let once = token(user, &ticket).await;
    let buy = async || {
        let path = format!("{ticket}/buy");
        let request = user.request(Method::POST, &path).form(&[("once", &once)]);
        user.send(request).await
    };
    let (first, second) = tokio::join!(buy(), buy());
    assert_eq!(
        (first.status, second.status),
        (303, 303),
        "{first:?} {second:?}"
    );
    assert_eq!(first.headers["location"], second.headers["location"]);
    let orders = user.get("/api/orders").await;
    assert_eq!(orders.json.as_array().unwrap().len(), 1, "{orders:?}");
}

async fn sign_up_twice(fleet: &Fleet) {
    let (email, password) = (fresh::email(), fresh::password());
    let once = token(&Api::anonymous(&fleet.origin()), "/auth/signup").await;
    let sign_up = async || {
        let api = Api::anonymous(&fleet.origin());
        let form = [("email", &email), ("password", &password), ("once", &once)];
        let request = api.request(Method::POST, "/auth/signup").form(&form);
        let answer = api.send(request).await;
        (answer.status, api.get("/api/users/currentuser").await.json)
    };
    let (first, second) = tokio::join!(sign_up(), sign_up());
    for (status, user) in [&first, &second] {
        assert_eq!(
            (*status, &user["currentUser"]["email"]),
            (303, &json!(email))
        );
    }
    assert_eq!(first.1["currentUser"]["id"], second.1["currentUser"]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_a_token_still_works() {
    with_shop(HOLD, async |fleet| {
        let user = seller(fleet).await;
        let ticket = sell(&seller(fleet).await, "Front row", 10.0).await;
        let path = format!("{ticket}/buy");
        let bought = user.send(user.request(Method::POST, &path)).await;
        assert_eq!(bought.status, 303, "{bought:?}");
        let browser = guest(fleet).await;
        browser.goto(&ticket).await;
        browser.wait_for_text("Reserved").await;
    })
    .await;
}
