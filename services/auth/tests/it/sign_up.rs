//! Sign-up with a password.

use bson::doc;
use futures::future::join_all;
use serde_json::json;

use crate::{
    PASSWORD, count, credentials, current_user, fresh_email, sign_in, sign_up, start, stored_user,
};

#[tokio::test]
async fn a_sign_up_creates_an_account_and_signs_in() {
    let app = start().await;
    let (api, email) = (app.anonymous(), fresh_email());
    let answer = sign_up(&api, &email).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json, json!({ "id": answer.id(), "email": email }));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for attribute in ["session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let user = current_user(&api).await;
    assert_eq!(
        (&user["id"], &user["email"]),
        (&json!(answer.id()), &json!(email))
    );
    assert!(user["iat"].is_u64());
    app.finish().await;
}

#[tokio::test]
async fn an_email_signs_up_once_in_any_spelling() {
    let app = start().await;
    let email = fresh_email();
    assert_eq!(sign_up(&app.anonymous(), &email).await.status, 201);
    for spelling in [email.clone(), email.to_uppercase(), format!("  {email} ")] {
        let answer = sign_up(&app.anonymous(), &spelling).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.json,
            json!({ "errors": [{ "message": "Email in use" }] })
        );
        assert!(!answer.headers.contains_key("set-cookie"));
        let answer = sign_in(&app.anonymous(), &spelling, PASSWORD).await;
        assert_eq!((answer.status, &answer.json["email"]), (200, &json!(email)));
    }
    app.finish().await;
}

#[tokio::test]
async fn of_twenty_concurrent_sign_ups_of_one_email_one_succeeds() {
    let app = start().await;
    let email = fresh_email();
    let attempts = (0..20).map(async |number| {
        let spelling = if number % 2 == 0 {
            email.clone()
        } else {
            email.to_uppercase()
        };
        sign_up(&app.anonymous(), &spelling).await
    });
    let answers = join_all(attempts).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, refused.message()), (400, "Email in use"));
    }
    assert_eq!(count(&app, "users", doc! { "email": &email }).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn only_a_hash_of_the_password_is_stored() {
    let app = start().await;
    let email = fresh_email();
    sign_up(&app.anonymous(), &email).await;
    let stored = stored_user(&app, &email).await;
    let hash = stored.get_str("password_hash").unwrap();
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
    assert!(!stored.to_string().contains(PASSWORD));
    app.finish().await;
}

#[tokio::test]
async fn an_account_and_its_session_survive_a_restart() {
    let app = start().await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    let cookie = api.cookie();
    let app = app.restart().await;
    let api = app.anonymous();
    api.set_cookie(cookie);
    assert_eq!(current_user(&api).await["email"], email);
    assert_eq!(
        sign_in(&app.anonymous(), &email, PASSWORD).await.status,
        200
    );
    app.finish().await;
}

#[tokio::test]
async fn a_password_has_8_to_128_characters() {
    let app = start().await;
    for (length, status) in [(7, 400), (8, 201), (128, 201), (129, 400)] {
        // Two bytes per character: the limit counts characters.
        let password = "é".repeat(length);
        let email = fresh_email();
        let body = credentials(&email, &password);
        let answer = app.anonymous().post("/api/users/signup", body).await;
        assert_eq!(answer.status, status, "{length}");
        let signed_in = sign_in(&app.anonymous(), &email, &password).await;
        assert_eq!(signed_in.status == 200, status == 201, "{length}");
    }
    app.finish().await;
}
