//! Rate limits.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Api, TestApp, TestAppBuilder};

use crate::{
    PASSWORD, credentials, fresh_email, launch, manual_clock, request_link, sign_in, sign_up,
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

/// Posts like our proxy, on behalf of a client with this address.
async fn post_for(api: &Api, client: &str, path: &str, body: &Value) -> Answer {
    let request = api.request(Method::POST, path).json(body);
    api.send(request.header("x-forwarded-for", client)).await
}

#[tokio::test]
async fn failed_sign_ins_to_an_account_are_limited_until_time_passes() {
    let app = launch(limited("SIGN_IN_FAILURES_PER_ACCOUNT", "3/1m")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    for _ in 0..3 {
        assert_eq!(sign_in(&api, &email, "wrong").await.status, 400);
    }
    // The right password is refused too, or guessing could go on. So is another spelling of the address.
    assert_eq!(retry_after(&sign_in(&api, &email, PASSWORD).await), 20);
    assert_eq!(
        retry_after(&sign_in(&api, &email.to_uppercase(), PASSWORD).await),
        20
    );
    // Other accounts are not affected.
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
async fn successful_sign_ins_do_not_count() {
    let app = launch(limited("SIGN_IN_FAILURES_PER_ACCOUNT", "2/1m")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    for _ in 0..6 {
        assert_eq!(sign_in(&api, &email, PASSWORD).await.status, 200);
    }
    app.finish().await;
}

#[tokio::test]
async fn concurrent_guesses_do_not_exceed_the_limit() {
    let app = launch(limited("SIGN_IN_FAILURES_PER_ACCOUNT", "5/1m")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    let guesses = (0..30).map(|_| sign_in(&api, &email, "wrong"));
    let answers = join_all(guesses).await;
    let verified = answers.iter().filter(|answer| answer.status == 400).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((verified, refused), (5, 25));
    app.finish().await;
}

#[tokio::test]
async fn failed_sign_ins_from_an_address_are_limited_across_accounts() {
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
    // An entry that the client itself sent has no effect.
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
async fn without_proxies_the_forwarded_address_is_ignored() {
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
        assert_eq!(request_link(&api, &email).await.status, 200);
    }
    assert_eq!(retry_after(&request_link(&api, &email).await), 30);
    assert_eq!(request_link(&api, &fresh_email()).await.status, 200);
    app.clock().advance(Duration::from_secs(30));
    assert_eq!(request_link(&api, &email).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn magic_link_requests_from_an_address_are_limited() {
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
async fn the_production_limits_are_the_default() {
    let app: TestApp = launch(TestApp::new(auth::NAME).clock(manual_clock())).await;
    let (api, email) = (app.anonymous(), fresh_email());
    for _ in 0..10 {
        assert_eq!(sign_in(&api, &email, "wrong").await.status, 400);
    }
    assert_eq!(retry_after(&sign_in(&api, &email, "wrong").await), 90);
    app.finish().await;
}
