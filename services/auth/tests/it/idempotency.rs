//! Sign-ups and sign-ins that are repeated with the same idempotency key.

use bson::{Document, doc};
use futures::TryStreamExt;
use serde_json::Value;
use testkit::{Answer, Api};

use crate::{
    PASSWORD, count, credentials, current_user, errors, fresh_email, sign_in, start, stored_user,
    users,
};

async fn sign_up_once(api: &Api, key: &str, body: Value) -> Answer {
    api.post_once("/api/users/signup", key, body).await
}

async fn sign_in_once(api: &Api, key: &str, body: Value) -> Answer {
    api.post_once("/api/users/signin", key, body).await
}

#[tokio::test]
async fn a_repeated_sign_up_creates_one_account_and_signs_in_to_it() {
    let app = start().await;
    let email = fresh_email();
    let first = sign_up_once(&app.anonymous(), "key", credentials(&email, PASSWORD)).await;
    assert_eq!(first.status, 201, "{first:?}");
    // The repeat may or may not carry the session cookie.
    let signed_in = app.anonymous();
    sign_in(&signed_in, &email, PASSWORD).await;
    for api in [app.anonymous(), signed_in] {
        let again = sign_up_once(&api, "key", credentials(&email, PASSWORD)).await;
        assert_eq!((again.status, &again.json), (201, &first.json));
        assert_eq!(current_user(&api).await["id"], first.json["id"]);
    }
    assert_eq!(count(&app, "users", doc! {}).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_key_does_not_replace_the_password() {
    let app = start().await;
    let email = fresh_email();
    sign_up_once(&app.anonymous(), "key", credentials(&email, PASSWORD)).await;
    sign_in_once(&app.anonymous(), "in", credentials(&email, PASSWORD)).await;
    for password in ["another password", ""] {
        let body = credentials(&email, password);
        for refused in [
            sign_up_once(&app.anonymous(), "key", body.clone()).await,
            sign_in_once(&app.anonymous(), "in", body).await,
        ] {
            assert_eq!(refused.status, 400);
            assert_eq!(
                errors(&refused)[0].field.as_deref(),
                Some("Idempotency-Key")
            );
            assert!(!refused.headers.contains_key("set-cookie"), "{refused:?}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_sign_up_is_refused_after_a_password_change() {
    let app = start().await;
    let (email, other) = (fresh_email(), fresh_email());
    sign_up_once(&app.anonymous(), "key", credentials(&email, PASSWORD)).await;
    sign_up_once(
        &app.anonymous(),
        "other",
        credentials(&other, "another password"),
    )
    .await;
    // As if the owner had changed the password since.
    let stored = stored_user(&app, &other).await;
    let hash = stored.get_str("password_hash").unwrap();
    let change = doc! { "$set": { "password_hash": hash } };
    let users = users(&app);
    let changed = users.update_one(doc! { "email": &email }, change).await;
    changed.unwrap();
    let again = sign_up_once(&app.anonymous(), "key", credentials(&email, PASSWORD)).await;
    assert_eq!((again.status, again.message()), (400, "Email in use"));
    assert!(!again.headers.contains_key("set-cookie"), "{again:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_sign_in_signs_in_again() {
    let app = start().await;
    let email = fresh_email();
    sign_up_once(&app.anonymous(), "up", credentials(&email, PASSWORD)).await;
    for _ in 0..2 {
        let api = app.anonymous();
        let answer = sign_in_once(&api, "in", credentials(&email, PASSWORD)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(current_user(&api).await["email"], email);
        app.forget_results().await;
    }
    app.finish().await;
}

#[tokio::test]
async fn stored_keys_contain_neither_sessions_nor_passwords() {
    let app = start().await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up_once(&api, "up", credentials(&email, PASSWORD)).await;
    let session = api.cookie().unwrap();
    sign_in_once(&app.anonymous(), "in", credentials(&email, PASSWORD)).await;
    let keys = app.database().collection::<Document>("idempotency_keys");
    let stored: Vec<_> = keys
        .find(doc! {})
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(stored.len(), 2);
    assert!(
        stored.iter().all(|key| !key.contains_key("answer")),
        "{stored:?}"
    );
    let stored = format!("{stored:?}");
    for secret in [session.as_str(), PASSWORD, &email] {
        assert!(!stored.contains(secret), "{stored}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_request_for_a_link_sends_one_mail() {
    let app = start().await;
    let email = fresh_email();
    let body = serde_json::json!({ "email": email });
    for _ in 0..3 {
        let answer = app.anonymous();
        let answer = answer
            .post_once("/api/users/signup-pl", "key", body.clone())
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(count(&app, "magic_links", doc! {}).await, 1);
    app.finish().await;
}
