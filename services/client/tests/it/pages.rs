//! Every page on every screen: screenshots, accessibility and layout.

use serde_json::json;
use testkit::browser::{Browser, BrowserSettings, Viewport};
use testkit::{Api, Fleet};

use crate::{HOLD, expect_steady, sell, sign_in, with_shop};

const EVENTS: [(&str, f64); 8] = [
    ("Philharmonic, row 3", 85.0),
    (
        "Jazz at the harbour, standing by the bar with a view of the boats",
        24.5,
    ),
    ("Derby, north stand", 41.25),
    ("Poetry night", 9.99),
    ("Opera, box for two", 1_320.0),
    ("Marathon start", 55.0),
    ("Chess final, table side", 12.0),
    (
        "A very long evening: all six cello suites, played without a pause by one person, with soup",
        18.0,
    ),
];

/// Rules for whole documents. They do not apply to the frame of the card form.
const DOCUMENT_RULES: [&str; 3] = ["landmark-one-main", "page-has-heading-one", "region"];

/// The paths of the pages, with the names of their screenshots.
struct Pages {
    guest: Vec<(&'static str, String)>,
    user: Vec<(&'static str, String)>,
}

async fn pages(user: &Api, fleet: &Fleet) -> Pages {
    let seller = crate::seller(fleet).await;
    let mut tickets = Vec::new();
    for (title, price) in EVENTS {
        tickets.push(sell(&seller, title, price).await);
    }
    let own = sell(user, "Ballet: Giselle, stalls G12", 96.0).await;
    let mut orders = Vec::new();
    for ticket in &tickets[..3] {
        let id = ticket.split('/').nth(2).unwrap();
        let order = user.post("/api/orders", json!({ "ticketId": id })).await;
        assert_eq!(order.status, 201, "{order:?}");
        orders.push(order.id());
    }
    let payment = json!({ "token": "tok_visa", "orderId": orders[1] });
    assert_eq!(user.post("/api/payments", payment).await.status, 201);
    let given_up = user.delete(&format!("/api/orders/{}", orders[2])).await;
    assert_eq!(given_up.status, 204);
    let path = |text: &str| text.to_owned();
    Pages {
        guest: vec![
            ("home", path("/")),
            ("found-nothing", path("/?q=nowhere")),
            ("sign-in", path("/auth/signin?next=/orders")),
            ("sign-up", path("/auth/signup")),
            ("ticket", tickets[4].clone()),
            ("ticket-reserved", tickets[0].clone()),
            ("not-found", path("/nothing")),
            ("docs", path("/docs")),
            ("docs-events", path("/docs/events")),
        ],
        user: vec![
            ("home-signed-in", path("/?sort=-price")),
            ("sign-out", path("/auth/signout")),
            ("sell", path("/tickets/new")),
            ("my-tickets", path("/tickets/mine")),
            ("ticket-buy", tickets[5].clone()),
            ("ticket-edit", own),
            ("orders", path("/orders")),
            ("order-open", format!("/orders/{}", orders[0])),
            ("order-paid", format!("/orders/{}", orders[1])),
            ("order-cancelled", format!("/orders/{}", orders[2])),
        ],
    }
}

/// Checks the pages on one screen.
async fn check(browser: &Browser, pages: &[(&'static str, String)], screen: &str) {
    for (name, path) in pages {
        browser.goto(path).await;
        if *name == "order-open" {
            let check = async |frame: &Browser| {
                frame.wait_for("#number").await;
                let mut broken = frame.check_accessibility().await;
                broken.retain(|violation| !DOCUMENT_RULES.contains(&violation.rule.as_str()));
                if screen.ends_with("dark") {
                    // The frame is transparent, and the check does not know the background behind it.
                    broken.retain(|violation| violation.rule != "color-contrast");
                }
                assert!(broken.is_empty(), "{broken:?}");
            };
            browser.in_frame("#card iframe", check).await;
        }
        browser.expect_accessible().await;
        expect_steady(browser).await;
        let wider =
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth;";
        assert_eq!(
            browser.execute(wider, Vec::new()).await,
            json!(false),
            "{name} scrolls sideways"
        );
        browser.screenshot(&format!("{name}-{screen}")).await;
    }
    let complaints = browser.console_errors_but(&["status of 404"]).await;
    assert_eq!(complaints, Vec::<String>::new(), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_and_stable_on_every_screen() {
    with_shop(HOLD, async |fleet| {
        let user = Api::sign_up(&fleet.origin()).await;
        let pages = pages(&user, fleet).await;
        let screens = [
            ("phone", Viewport::PHONE, false),
            ("desktop", Viewport::DESKTOP, false),
            ("dark", Viewport::PHONE, true),
            ("wide-dark", Viewport::WIDE, true),
        ];
        for (screen, size, dark) in screens {
            let settings = BrowserSettings {
                size,
                dark,
                ..BrowserSettings::new(fleet.origin())
            };
            let browser = Browser::open(settings).await;
            check(&browser, &pages.guest, screen).await;
            sign_in(&browser, &user).await;
            check(&browser, &pages.user, screen).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_without_islands_load_no_script() {
    with_shop(HOLD, async |fleet| {
        let browser = crate::shopper(fleet).await;
        for path in ["/tickets/new", "/tickets/mine", "/orders", "/auth/signin"] {
            browser.forget_requests().await;
            browser.goto(path).await;
            let requests = browser.requests().await;
            let script = requests
                .iter()
                .find(|request| request.url.contains("/assets/client"));
            assert!(script.is_none(), "{path}: {script:?}");
        }
    })
    .await;
}
