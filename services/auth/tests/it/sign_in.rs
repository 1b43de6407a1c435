//! Sign-in with a password.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use crate::{
    PASSWORD, current_user, fresh_email, launch, magic_link, sign_in, sign_up, start, unlimited,
    user_id,
};

#[tokio::test]
async fn the_right_password_signs_in() {
    let app = start().await;
    let email = fresh_email();
    let account = sign_up(&app.anonymous(), &email).await;
    let api = app.anonymous();
    let answer = sign_in(&api, &email, PASSWORD).await;
    assert_eq!((answer.status, &answer.json), (200, &account.json));
    assert_eq!(current_user(&api).await["id"], json!(user_id(&account)));
    app.finish().await;
}

#[tokio::test]
async fn all_wrong_credentials_get_the_same_answer() {
    let app = start().await;
    let (email, linked) = (fresh_email(), fresh_email());
    sign_up(&app.anonymous(), &email).await;
    let link = magic_link(&app, &linked).await;
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    let wrong = format!("{PASSWORD}!");
    for (email, password) in [
        (&email, wrong.as_str()),
        (&email, "x"),
        (&fresh_email(), PASSWORD),
        // An account without a password.
        (&linked, PASSWORD),
    ] {
        let api = app.anonymous();
        let answer = sign_in(&api, email, password).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.json,
            json!({ "errors": [{ "message": "Invalid credentials" }] })
        );
        assert!(!answer.headers.contains_key("set-cookie"));
        assert_eq!(current_user(&api).await, json!(null));
    }
    app.finish().await;
}

#[tokio::test]
async fn a_failed_sign_in_does_not_change_the_session() {
    let app = start().await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    assert_eq!(sign_in(&api, &email, "wrong").await.status, 400);
    assert_eq!(current_user(&api).await["email"], email);
    app.finish().await;
}

#[tokio::test]
async fn passwords_beyond_the_queue_are_refused_for_known_and_unknown_emails() {
    let settings = unlimited()
        .set("PASSWORD_HASHES_AT_ONCE", "1")
        .set("PASSWORD_QUEUE", "1");
    let app = launch(settings).await;
    let (api, known) = (app.anonymous(), fresh_email());
    sign_up(&api, &known).await;
    for email in [known, fresh_email()] {
        let guesses = (0..40).map(|_| sign_in(&api, &email, "wrong password"));
        let answers = join_all(guesses).await;
        let refused: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status != 400)
            .collect();
        assert!((1..40).contains(&refused.len()), "{}", refused.len());
        for answer in refused {
            assert_eq!(answer.status, 503);
            assert_eq!(answer.message(), "Service is temporarily unavailable");
            assert!(answer.headers.contains_key("retry-after"));
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_email_and_a_wrong_password_take_the_same_time() {
    let app = start().await;
    let (known, linked) = (fresh_email(), fresh_email());
    sign_up(&app.anonymous(), &known).await;
    let link = magic_link(&app, &linked).await;
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    let api = app.anonymous();
    let mut ratios = Vec::new();
    // If no hash were verified, the unknown address would be answered much faster in every round. A busy machine
    // distorts only some rounds.
    while ratios.len() < 5 {
        let mut fastest = [Duration::MAX; 3];
        for _ in 0..10 {
            for (fastest, email) in fastest.iter_mut().zip([&known, &linked, &fresh_email()]) {
                let start = Instant::now();
                assert_eq!(sign_in(&api, email, "wrong password").await.status, 400);
                *fastest = start.elapsed().min(*fastest);
            }
        }
        let [known, linked, unknown] = fastest.map(|time| time.as_secs_f64());
        let ratio = [linked / known, unknown / known];
        if ratio.iter().all(|ratio| (0.5..2.0).contains(ratio)) {
            return app.finish().await;
        }
        ratios.push(ratio);
    }
    panic!("without a password and unknown, against a wrong password: {ratios:?}");
}
