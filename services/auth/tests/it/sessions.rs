//! Session cookies.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use testkit::session_cookie;

use crate::{current_user, fresh_email, launch, manual_clock, sign_up, start, unlimited, user_id};

#[tokio::test]
async fn nobody_is_signed_in_without_a_cookie() {
    let app = start().await;
    let answer = app.anonymous().get("/api/users/currentuser").await;
    assert_eq!(
        (answer.status, answer.json),
        (200, json!({ "currentUser": null }))
    );
    app.finish().await;
}

#[tokio::test]
async fn signing_out_removes_the_cookie() {
    let app = start().await;
    let api = app.anonymous();
    sign_up(&api, &fresh_email()).await;
    let answer = api.post_raw("/api/users/signout", "").await;
    assert_eq!((answer.status, &answer.json), (200, &json!({})));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("session=;") && cookie.contains("Max-Age=0"),
        "{cookie}"
    );
    assert_eq!(current_user(&api).await, json!(null));
    // It succeeds without a session, too.
    assert_eq!(api.post("/api/users/signout", json!({})).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn a_session_is_secure_unless_configured_otherwise() {
    let app = launch(unlimited().set("COOKIE_SECURE", "true")).await;
    let answer = sign_up(&app.anonymous(), &fresh_email()).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    app.finish().await;
}

#[tokio::test]
async fn a_session_expires() {
    let app = launch(unlimited().clock(manual_clock())).await;
    let api = app.anonymous();
    sign_up(&api, &fresh_email()).await;
    app.clock().advance(Duration::from_hours(24));
    assert_ne!(current_user(&api).await, json!(null));
    app.clock().advance(Duration::from_hours(6 * 24));
    assert_eq!(current_user(&api).await, json!(null));
    app.finish().await;
}

#[tokio::test]
async fn a_forged_cookie_signs_nobody_in() {
    let app = start().await;
    let api = app.anonymous();
    let email = fresh_email();
    let id = user_id(&sign_up(&api, &email).await);
    let ours = api.cookie().unwrap();
    let cookie: Value = serde_json::from_slice(&STANDARD.decode(&ours).unwrap()).unwrap();
    let [_, claims, signature] = parts(cookie["jwt"].as_str().unwrap());
    let header = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let none = header(r#"{"typ":"JWT","alg":"none"}"#);
    let hs512 = header(r#"{"typ":"JWT","alg":"HS512"}"#);
    let hs256 = header(r#"{"typ":"JWT","alg":"HS256"}"#);
    let admin =
        json!({ "id": id, "email": "admin@example.com", "iat": 0, "exp": 9_999_999_999_u64 });
    let admin = URL_SAFE_NO_PAD.encode(admin.to_string());
    for jwt in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{hs512}.{claims}.{signature}"),
        format!("{hs256}.{admin}.{signature}"),
        format!("{hs256}.{claims}."),
        String::new(),
    ] {
        let forged = STANDARD.encode(json!({ "jwt": jwt }).to_string());
        api.set_cookie(Some(forged));
        assert_eq!(current_user(&api).await, json!(null), "{jwt}");
    }
    let other_key = session_cookie("another key that is long enough for HS256", id, &email);
    for unreadable in [&other_key, "nonsense", "e30=", &ours[1..]] {
        api.set_cookie(Some(unreadable.to_owned()));
        assert_eq!(current_user(&api).await, json!(null), "{unreadable}");
    }
    api.set_cookie(Some(session_cookie(app.jwt_key(), id, &email)));
    assert_eq!(current_user(&api).await["id"], json!(id));
    app.finish().await;
}

fn parts(jwt: &str) -> [String; 3] {
    let parts: Vec<_> = jwt.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

#[tokio::test]
async fn an_unreadable_cookie_does_not_hide_the_session() {
    let app = start().await;
    let api = app.anonymous();
    sign_up(&api, &fresh_email()).await;
    let ours = format!("session={}", api.cookie().unwrap()).into_bytes();
    for other in [
        b"theme=d\xfcster".as_slice(),
        b"session=\xff",
        b"session=e30=",
    ] {
        let cookies = [other, ours.as_slice()].join(b"; ".as_slice());
        let guest = app.anonymous();
        let request = guest.request(Method::GET, "/api/users/currentuser");
        let request = request.header("cookie", HeaderValue::from_bytes(&cookies).unwrap());
        let answer = guest.send(request).await;
        assert!(answer.json["currentUser"]["id"].is_string(), "{answer:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn every_endpoint_supports_head_and_a_trailing_slash() {
    let app = start().await;
    let api = app.anonymous();
    for path in ["/api/users/currentuser", "/api/auth/openapi.json"] {
        assert_eq!(api.get_in_every_spelling(path).await.status, 200);
    }
    let answer = api.post_raw("/api/users/signout/", "").await;
    assert_eq!(answer.status, 200);
    let answer = api.post("/api/users/signin/", json!({})).await;
    assert_eq!(answer.json["errors"][0]["message"], "Email must be valid");
    app.finish().await;
}
