//! Invalid bodies, cross-site requests and the OpenAPI document.

use common::FieldError;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PASSWORD, credentials, errors, fresh_email, start};

const EMAIL: &str = "Email must be valid";
const NEW_PASSWORD: &str = "Password must be between 8 and 128 characters";
const NO_PASSWORD: &str = "You must supply a password";

#[tokio::test]
async fn all_faults_are_reported_in_the_order_of_the_fields() {
    let app = start().await;
    let good = fresh_email();
    let cases: [(Value, bool, bool); 10] = [
        (json!({}), true, true),
        (json!({ "email": null, "password": null }), true, true),
        (json!({ "email": 7, "password": 12_345_678 }), true, true),
        (
            json!({ "email": [good], "password": { "$ne": "" } }),
            true,
            true,
        ),
        (credentials("nobody", PASSWORD), true, false),
        (credentials("", PASSWORD), true, false),
        (credentials("a@b@example.com", PASSWORD), true, false),
        (
            credentials(&format!("{}@example.com", "a".repeat(250)), PASSWORD),
            true,
            false,
        ),
        (
            credentials("a\r\nBcc: b@example.com", PASSWORD),
            true,
            false,
        ),
        (credentials(&good, ""), false, true),
    ];
    for (body, email_is_wrong, password_is_wrong) in cases {
        for (path, message) in [("signup", NEW_PASSWORD), ("signin", NO_PASSWORD)] {
            let mut expected = Vec::new();
            expected.extend(email_is_wrong.then(|| FieldError::new("email", EMAIL)));
            expected.extend(password_is_wrong.then(|| FieldError::new("password", message)));
            let path = format!("/api/users/{path}");
            let answer = app.anonymous().post(&path, body.clone()).await;
            assert_eq!(
                (answer.status, errors(&answer)),
                (400, expected),
                "{path} {body}"
            );
            assert!(!answer.headers.contains_key("set-cookie"));
        }
        if email_is_wrong {
            let answer = app
                .anonymous()
                .post("/api/users/signup-pl", body.clone())
                .await;
            let expected = vec![FieldError::new("email", EMAIL)];
            assert_eq!((answer.status, errors(&answer)), (400, expected), "{body}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn invalid_json_and_large_bodies_are_refused() {
    let app = start().await;
    for path in ["signup", "signin", "signup-pl"] {
        let path = format!("/api/users/{path}");
        for body in ["{", "[]", "null", "email=a@example.com"] {
            let answer = app.anonymous().post_raw(&path, body).await;
            let message = "Request body must be a JSON object";
            assert_eq!((answer.status, answer.message()), (400, message), "{body}");
        }
        let large = credentials(&fresh_email(), &"x".repeat(100_000));
        let answer = app.anonymous().post(&path, large).await;
        assert_eq!(
            (answer.status, answer.message()),
            (413, "Request body is too large")
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn writes_from_another_site_are_refused() {
    let app = start().await;
    let api = app.anonymous();
    for path in ["signup", "signin", "signout", "signup-pl"] {
        let path = format!("/api/users/{path}");
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://elsewhere.example"),
        ] {
            let request = api.request(Method::POST, &path).header(name, value);
            let request = request.json(&credentials(&fresh_email(), PASSWORD));
            let answer = api.send(request).await;
            assert_eq!(answer.status, 403, "{path} {name}: {value}");
            assert_eq!(answer.message(), "Requests from another site are refused");
            assert!(!answer.headers.contains_key("set-cookie"));
        }
    }
    let request = api.request(Method::POST, "/api/users/signup");
    let request = request.header("origin", app.base_url());
    let request = request.json(&credentials(&fresh_email(), PASSWORD));
    assert_eq!(api.send(request).await.status, 201);
    app.finish().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_not_found() {
    let app = start().await;
    let api = app.anonymous();
    for path in ["/api/users", "/api/users/signup", "/api/users/nowhere"] {
        let answer = api.get(path).await;
        assert_eq!(
            (answer.status, answer.message()),
            (404, "Not Found"),
            "{path}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn the_service_serves_its_openapi_document() {
    let app = start().await;
    let answer = app.anonymous().get("/api/auth/openapi.json").await;
    assert_eq!(answer.status, 200);
    for (path, method) in [
        ("signup", "post"),
        ("signin", "post"),
        ("signout", "post"),
        ("currentuser", "get"),
        ("signup-pl", "post"),
        ("verify-magic-links", "get"),
    ] {
        let operation = &answer.json["paths"][format!("/api/users/{path}")][method];
        assert!(operation["responses"].is_object(), "{path}");
    }
    app.finish().await;
}
