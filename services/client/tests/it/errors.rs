//! Error pages, response headers and request ids.

use testkit::{Api, FleetSettings};

use crate::{HOLD, guest, sell, seller, shopper, with_fleet, with_shop};

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_foreign_things_get_the_not_found_page() {
    with_shop(HOLD, async |fleet| {
        let browser = shopper(fleet).await;
        for path in [
            "/nothing",
            "/tickets/nonsense",
            "/tickets/665f0000000000000000abcd",
            "/orders/665f0000000000000000abcd",
        ] {
            browser.goto(path).await;
            browser.wait_for_text("No seat by that number").await;
            assert_eq!(browser.title().await, "Not found · Ticketing", "{path}");
        }
        browser.expect_accessible().await;
        let status = Api::anonymous(&fleet.origin()).get("/nothing").await.status;
        assert_eq!(status, 404);
        let complaints = browser.console_errors_but(&["status of 404"]).await;
        assert_eq!(complaints, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_service_affects_only_its_own_pages() {
    with_shop(HOLD, async |fleet| {
        let ticket = sell(&seller(fleet).await, "Front row", 19.99).await;
        let browser = shopper(fleet).await;
        fleet.service("tickets")[0].stop().await.unwrap();
        browser.goto("/").await;
        browser.wait_for_text("A short intermission").await;
        browser.screenshot("unavailable").await;
        browser.expect_accessible().await;
        let answer = Api::anonymous(&fleet.origin()).get("/").await;
        assert_eq!(answer.status, 503);
        assert!(answer.headers.contains_key("retry-after"));
        browser.goto("/orders").await;
        browser.wait_for_text("No orders yet").await;
        fleet.service("tickets")[0].restart().await.unwrap();
        browser.goto("/").await;
        browser.wait_for_text("Front row").await;

        // Without the auth service, visitors see what a guest may see.
        fleet.service("auth")[0].stop().await.unwrap();
        browser.goto(&ticket).await;
        browser.wait_for_text("$19.99").await;
        fleet.service("auth")[0].restart().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_private_and_files_are_cached_permanently() {
    with_shop(HOLD, async |fleet| {
        let (guest_api, user) = (Api::anonymous(&fleet.origin()), seller(fleet).await);
        let header = |answer: &testkit::Answer, name: &str| {
            let values = answer.headers.get_all(name).iter();
            let values: Vec<_> = values
                .map(|value| value.to_str().unwrap().to_owned())
                .collect();
            values.join(", ")
        };
        let page = guest_api.get("/").await;
        assert_eq!(header(&page, "cache-control"), "private, no-cache");
        assert!(header(&page, "vary").contains("cookie"));
        let own = user.get("/orders").await;
        assert_eq!(own.status, 200);
        assert_eq!(header(&own, "cache-control"), "private, no-store");
        let policy = header(&page, "content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"),
            "{policy}"
        );
        let again = header(&guest_api.get("/").await, "content-security-policy");
        assert_ne!(policy, again, "a nonce is used once");

        let (_, style) = page.text.split_once("/assets/shop-").unwrap();
        let style = format!("/assets/shop-{}", style.split_once('"').unwrap().0);
        let request = guest_api
            .request(reqwest::Method::GET, &style)
            .header("accept-encoding", "br");
        let file = guest_api.send(request).await;
        assert_eq!(file.status, 200);
        assert_eq!(
            header(&file, "cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(header(&file, "content-encoding"), "br");
        assert!(header(&file, "vary").contains("accept-encoding"));
        let missing = guest_api.get("/assets/none.js").await;
        assert_eq!(missing.status, 404);
        assert!(!header(&missing, "cache-control").contains("immutable"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_site_is_refused() {
    with_shop(HOLD, async |fleet| {
        let user = seller(fleet).await;
        let request = user
            .request(reqwest::Method::POST, "/tickets/new")
            .header("origin", "https://elsewhere.example")
            .header("sec-fetch-site", "cross-site")
            .form(&[("title", "Planted"), ("price", "1")]);
        let answer = user.send(request).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text.contains("sent from another site"));
        let browser = guest(fleet).await;
        browser.goto("/").await;
        browser.wait_for_text("Nothing for sale right now").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_its_id_in_all_services() {
    let environment = [("RUST_LOG".to_owned(), "info".to_owned())];
    let settings = FleetSettings {
        environment: environment.into(),
        ..FleetSettings::default()
    };
    with_fleet(settings, async |fleet| {
        let user = seller(fleet).await;
        let id = "followed-through-the-fleet";
        let request = user
            .request(reqwest::Method::GET, "/orders")
            .header("x-request-id", id);
        let answer = user.send(request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["x-request-id"], id);
        for service in ["client", "auth", "orders"] {
            let log = fleet.service(service)[0].log();
            let what = format!("{service} has logged the request");
            testkit::eventually(&what, async || {
                let log = std::fs::read_to_string(log).unwrap();
                if log.contains(id) {
                    Ok(())
                } else {
                    Err("not yet")
                }
            })
            .await;
        }
    })
    .await;
}
