//! Too many tries are refused, for a while.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Api, TestApp, TestAppBuilder};

use crate::{
    PASSWORD, ask_for_link, credentials, fresh_email, launch, manual_clock, sign_in, sign_up,
    unlimited,
};

fn limited(name: &str, limit: &str) -> TestAppBuilder {
    unlimited().set(name, limit).clock(manual_clock())
}

fn retry_after(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.message(), "Too many requests, try again later");
    answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// Posts as a proxy of ours would, for a client with this address.
async fn post_for(api: &Api, client: &str, path: &str, body: &Value) -> Answer {
    let request = api.request(Method::POST, path).json(body);
    api.send(request.header("x-forwarded-for", client)).await
}

#[tokio::test]
async fn failures_to_sign_in_to_an_account_are_limited_and_forgiven_with_time() {
    let app = launch(limited("SIGN_IN_FAILURES_PER_ACCOUNT", "3/1m")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    for _ in 0..3 {
        assert_eq!(sign_in(&api, &email, "wrong").await.status, 400);
    }
    // The right password does not help, or guesses would go on; nor does another spelling.
    assert_eq!(retry_after(&sign_in(&api, &email, PASSWORD).await), 20);
    assert_eq!(
        retry_after(&sign_in(&api, &email.to_uppercase(), PASSWORD).await),
        20
    );
    // Others are not concerned.
    assert_eq!(sign_in(&api, &fresh_email(), "wrong").await.status, 400);
    app.clock().advance(Duration::from_secs(20));
    assert_eq!(sign_in(&api, &email, PASSWORD).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_account_is_limited_like_a_known_one() {
    let app = launch(limited("SIGN_IN_FAILURES_PER_ACCOUNT", "2/1m")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    for _ in 0..2 {
        assert_eq!(sign_in(&api, &email, "wrong").await.status, 400);
    }
    retry_after(&sign_in(&api, &email, "wrong").await);
    app.finish().await;
}

#[tokio::test]
async fn signing_in_does_not_count() {
    let app = launch(limited("SIGN_IN_FAILURES_PER_ACCOUNT", "2/1m")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    for _ in 0..6 {
        assert_eq!(sign_in(&api, &email, PASSWORD).await.status, 200);
    }
    app.finish().await;
}

#[tokio::test]
async fn guesses_at_the_same_moment_do_not_slip_through() {
    let app = launch(limited("SIGN_IN_FAILURES_PER_ACCOUNT", "5/1m")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    let guesses = (0..30).map(|_| sign_in(&api, &email, "wrong"));
    let answers = join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 400).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((looked_at, refused), (5, 25));
    app.finish().await;
}

#[tokio::test]
async fn failures_to_sign_in_from_an_address_are_limited_whatever_the_account() {
    let app = launch(limited("SIGN_IN_FAILURES_PER_ADDRESS", "3/1m")).await;
    let api = app.anonymous();
    let guess = async |client: &str| {
        let body = credentials(&fresh_email(), "wrong");
        post_for(&api, client, "/api/users/signin", &body).await
    };
    for _ in 0..3 {
        assert_eq!(guess("198.51.100.1").await.status, 400);
    }
    assert_eq!(retry_after(&guess("198.51.100.1").await), 20);
    // What the client says before our proxy's word changes nothing.
    retry_after(&guess("203.0.113.5, 198.51.100.1").await);
    assert_eq!(guess("198.51.100.2").await.status, 400);
    // An IPv6 network is one client.
    for host in 1..=3 {
        assert_eq!(guess(&format!("2001:db8::{host}")).await.status, 400);
    }
    retry_after(&guess("2001:db8::4").await);
    assert_eq!(guess("2001:db8:0:1::1").await.status, 400);
    app.finish().await;
}

#[tokio::test]
async fn without_proxies_what_a_client_says_of_its_address_is_not_believed() {
    let settings = limited("SIGN_IN_FAILURES_PER_ADDRESS", "2/1m");
    let app = launch(settings.set("TRUSTED_PROXIES", "0")).await;
    let api = app.anonymous();
    let mut statuses = Vec::new();
    for host in 1..=3 {
        let body = credentials(&fresh_email(), "wrong");
        let client = format!("198.51.100.{host}");
        let answer = post_for(&api, &client, "/api/users/signin", &body).await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [400, 400, 429]);
    app.finish().await;
}

#[tokio::test]
async fn sign_ups_from_an_address_are_limited() {
    let app = launch(limited("SIGN_UPS_PER_ADDRESS", "2/1h")).await;
    let api = app.anonymous();
    let attempt = async |client: &str| {
        let body = credentials(&fresh_email(), PASSWORD);
        post_for(&api, client, "/api/users/signup", &body).await
    };
    for _ in 0..2 {
        assert_eq!(attempt("198.51.100.1").await.status, 201);
    }
    assert_eq!(retry_after(&attempt("198.51.100.1").await), 1_800);
    assert_eq!(attempt("198.51.100.2").await.status, 201);
    app.clock().advance(Duration::from_mins(30));
    assert_eq!(attempt("198.51.100.1").await.status, 201);
    app.finish().await;
}

#[tokio::test]
async fn magic_links_to_a_recipient_are_limited() {
    let app = launch(limited("MAGIC_LINKS_PER_RECIPIENT", "2/1m")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    for _ in 0..2 {
        assert_eq!(ask_for_link(&api, &email).await.status, 200);
    }
    assert_eq!(retry_after(&ask_for_link(&api, &email).await), 30);
    assert_eq!(ask_for_link(&api, &fresh_email()).await.status, 200);
    app.clock().advance(Duration::from_secs(30));
    assert_eq!(ask_for_link(&api, &email).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn magic_links_asked_for_from_an_address_are_limited() {
    let app = launch(limited("MAGIC_LINKS_PER_ADDRESS", "2/1m")).await;
    let api = app.anonymous();
    let attempt = async |client: &str| {
        let body = json!({ "email": fresh_email() });
        post_for(&api, client, "/api/users/signup-pl", &body).await
    };
    for _ in 0..2 {
        assert_eq!(attempt("198.51.100.1").await.status, 200);
    }
    assert_eq!(retry_after(&attempt("198.51.100.1").await), 30);
    assert_eq!(attempt("198.51.100.2").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn limits_are_tight_unless_configured_otherwise() {
    let app: TestApp = launch(TestApp::new(auth::NAME).clock(manual_clock())).await;
    let (api, email) = (app.anonymous(), fresh_email());
    for _ in 0..10 {
        assert_eq!(sign_in(&api, &email, "wrong").await.status, 400);
    }
    assert_eq!(retry_after(&sign_in(&api, &email, "wrong").await), 90);
    app.finish().await;
}
