//! Sign-in by a magic link.

use std::time::Duration;

use bson::{Document, doc};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use testkit::{Answer, Api, Servers, TestApp};

use crate::{
    PASSWORD, count, current_user, fresh_email, launch, magic_link, manual_clock, request_link,
    sign_in, sign_up, start, unlimited,
};

const FOLLOW: &str = "/api/users/verify-magic-links";

fn assert_refused(answer: &Answer) {
    let message = "This link is invalid or has expired";
    assert_eq!((answer.status, answer.message()), (400, message));
    assert!(!answer.headers.contains_key("set-cookie"));
}

async fn accounts(app: &TestApp, email: &str) -> u64 {
    count(app, "users", doc! { "email": email }).await
}

#[tokio::test]
async fn a_link_signs_in_once_and_redirects_to_the_shop() {
    let app = start().await;
    let email = fresh_email();
    let link = magic_link(&app, &email).await;
    let api = app.anonymous();
    let answer = api.get(&link).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.headers["location"], "http://ticketing.test/");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    assert_eq!(current_user(&api).await["email"], email);
    assert_refused(&app.anonymous().get(&link).await);
    app.finish().await;
}

#[tokio::test]
async fn the_first_followed_link_creates_the_account() {
    let app = start().await;
    let email = fresh_email();
    let link = magic_link(&app, &email.to_uppercase()).await;
    assert_eq!(accounts(&app, &email).await, 0);
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    assert_eq!(accounts(&app, &email).await, 1);
    let refused = sign_up(&app.anonymous(), &email).await;
    assert_eq!((refused.status, refused.message()), (400, "Email in use"));
    app.finish().await;
}

#[tokio::test]
async fn a_link_signs_in_to_the_existing_account() {
    let app = start().await;
    let email = fresh_email();
    let account = sign_up(&app.anonymous(), &email).await;
    let link = magic_link(&app, &email).await;
    let api = app.anonymous();
    assert_eq!(api.get(&link).await.status, 303);
    assert_eq!(current_user(&api).await["id"], json!(account.id()));
    assert_eq!(
        sign_in(&app.anonymous(), &email, PASSWORD).await.status,
        200
    );
    app.finish().await;
}

#[tokio::test]
async fn requesting_a_link_does_not_reveal_whether_an_account_exists() {
    let app = start().await;
    let (known, unknown) = (fresh_email(), fresh_email());
    sign_up(&app.anonymous(), &known).await;
    let answers = [&known, &unknown].map(async |email| request_link(&app.anonymous(), email).await);
    for answer in join_all(answers).await {
        assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    app.finish().await;
}

#[tokio::test]
async fn of_twenty_concurrent_uses_of_a_link_one_succeeds() {
    let app = start().await;
    let email = fresh_email();
    let link = magic_link(&app, &email).await;
    let answers = join_all((0..20).map(async |_| app.anonymous().get(&link).await)).await;
    let (signed_in, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 303);
    assert_eq!(signed_in.len(), 1);
    refused.into_iter().for_each(assert_refused);
    assert_eq!(accounts(&app, &email).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn concurrent_uses_of_several_links_create_one_account() {
    let app = start().await;
    let email = fresh_email();
    let mut links = Vec::new();
    while links.len() < 4 {
        let link = magic_link(&app, &email).await;
        // The mail is found by its recipient, so it may be the previous one.
        if !links.contains(&link) {
            links.push(link);
        }
    }
    let users = join_all(links.iter().map(async |link| {
        let api = app.anonymous();
        assert_eq!(api.get(link).await.status, 303);
        current_user(&api).await["id"].clone()
    }));
    let mut users = users.await;
    users.dedup();
    assert_eq!(users.len(), 1);
    assert_eq!(accounts(&app, &email).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_link_expires_after_one_minute() {
    let app = launch(unlimited().clock(manual_clock())).await;
    let link = magic_link(&app, &fresh_email()).await;
    app.clock().advance(Duration::from_millis(59_999));
    let late = magic_link(&app, &fresh_email()).await;
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    app.clock().advance(Duration::from_mins(1));
    assert_refused(&app.anonymous().get(&late).await);
    app.finish().await;
}

#[tokio::test]
async fn the_lifetime_of_links_is_configurable() {
    let settings = unlimited().set("MAGIC_LINK_SECONDS", "300");
    let app = launch(settings.clock(manual_clock())).await;
    let email = fresh_email();
    let link = magic_link(&app, &email).await;
    let mail = Servers::shared().await.mail().wait_for(&email).await;
    assert!(mail.text.contains("for 5 minutes"), "{mail:?}");
    app.clock().advance(Duration::from_secs(299));
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    app.finish().await;
}

#[tokio::test]
async fn a_wrong_token_does_not_sign_in() {
    let app = start().await;
    let link = magic_link(&app, &fresh_email()).await;
    let token = link.split_once("token=").unwrap().1;
    let first = if token.starts_with('A') { 'B' } else { 'A' };
    let altered = format!("{first}{}", &token[1..]);
    let links = app.database().collection::<Document>("magic_links");
    let stored = links.find_one(doc! {}).await.unwrap().unwrap();
    let digest = stored.get_str("_id").unwrap();
    for guess in ["", "x", &altered, &token[1..], &format!("{token}A"), digest] {
        assert_refused(
            &app.anonymous()
                .get(&format!("{FOLLOW}?token={guess}"))
                .await,
        );
    }
    for query in [
        "",
        "?",
        "?tokens=x",
        "?token[$ne]=x",
        &format!("?token={token}&token={token}"),
    ] {
        assert_refused(&app.anonymous().get(&format!("{FOLLOW}{query}")).await);
    }
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    app.finish().await;
}

#[tokio::test]
async fn only_the_digest_of_a_token_is_stored_until_its_use() {
    let app = start().await;
    let email = fresh_email();
    let link = magic_link(&app, &email).await;
    let token = link.split_once("token=").unwrap().1;
    let links = app.database().collection::<Document>("magic_links");
    let stored = links
        .find_one(doc! { "email": &email })
        .await
        .unwrap()
        .unwrap();
    assert!(!stored.to_string().contains(token));
    assert_eq!(stored.get_str("_id").unwrap().len(), 64);
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    assert_eq!(count(&app, "magic_links", doc! {}).await, 0);
    app.finish().await;
}

#[tokio::test]
async fn checking_a_link_with_head_does_not_use_it_up() {
    let app = start().await;
    let link = magic_link(&app, &fresh_email()).await;
    let api: Api = app.anonymous();
    let check = async || api.send(api.request(Method::HEAD, &link)).await;
    let checked = check().await;
    assert_eq!(checked.status, 303);
    assert!(!checked.headers.contains_key("set-cookie"));
    let followed = api.get(&link).await;
    assert_eq!(followed.status, 303);
    assert_eq!(followed.headers["location"], checked.headers["location"]);
    assert!(followed.headers.contains_key("set-cookie"));
    assert_eq!(check().await.status, 400);
    app.finish().await;
}

#[tokio::test]
async fn a_browser_with_an_invalid_link_is_redirected_to_a_page() {
    let app = start().await;
    let api = app.anonymous();
    let request = api
        .request(Method::GET, &format!("{FOLLOW}?token=nonsense"))
        .header("accept", "text/html,application/xhtml+xml");
    let answer = api.send(request).await;
    assert_eq!(answer.status, 303);
    let page = "http://ticketing.test/auth/signin?link=invalid";
    assert_eq!(answer.headers["location"], page);
    assert!(!answer.headers.contains_key("set-cookie"));
}
