//! No secret is logged at any level.

use std::sync::Mutex;

use mongo::new_id;
use tracing::subscriber::set_default;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::{credentials, fresh_email, launch, magic_link, sign_in, unlimited};

/// The captured log.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[tokio::test]
async fn no_password_token_or_cookie_is_logged() {
    let everything = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(
            "off,auth=trace,base=trace,telemetry=trace,mongo=trace,web=trace,service=trace,tower_http=trace",
        ))
        .with_ansi(false)
        .with_writer(|| LOG.make_writer())
        .finish();
    // The runtime of this test is single-threaded, so the subscriber of this thread receives everything.
    let _logged = set_default(everything);
    let app = launch(unlimited().set("SIGN_IN_FAILURES_PER_ACCOUNT", "1/1m")).await;
    let (email, api) = (fresh_email(), app.anonymous());
    let password = format!("secret {}", new_id::<()>());
    let body = credentials(&email, &password);
    let answer = api.post("/api/users/signup", body.clone()).await;
    assert_eq!(answer.status, 201);
    let mut secrets = vec![password.clone(), api.cookie().unwrap()];
    assert_eq!(sign_in(&api, &email, &password).await.status, 200);
    for status in [400, 429] {
        let guess = format!("{password}!");
        assert_eq!(sign_in(&api, &email, &guess).await.status, status);
    }
    assert_eq!(api.post("/api/users/signup", body).await.status, 400);
    assert_eq!(
        api.post_raw("/api/users/signup", password.clone())
            .await
            .status,
        400
    );
    let link = magic_link(&app, &email).await;
    secrets.push(link.split_once("token=").unwrap().1.to_owned());
    for status in [303, 400] {
        assert_eq!(api.get(&link).await.status, status);
    }
    secrets.push(api.cookie().unwrap());
    app.finish().await;
    let text = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    assert!(text.contains("/api/users/verify-magic-links"), "{text}");
    assert!(text.contains("mail sent"), "{text}");
    secrets.push("$argon2".to_owned());
    secrets.push("token=".to_owned());
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret} in {text}");
    }
}
