//! The script that creates a database's users, in a simulated shell inside the browser.

use serde_json::{Value, json};
use testkit::{Browser, BrowserSettings};

const SCRIPT: &str = include_str!("../../../../infra/components/mongodb/initiate.js");
const SHELL: &str = include_str!("initiate.js");

/// The results of the script, for every way in which a failed sign-in can be reported.
async fn results(users: &Value, is_primary: bool) -> Vec<Value> {
    let browser = Browser::open(BrowserSettings::new("http://ticketing.test")).await;
    let mut results = Vec::new();
    for reported in ["connect", "command"] {
        for wraps in [false, true] {
            let arguments = vec![
                json!(SCRIPT),
                json!(reported),
                json!(wraps),
                users.clone(),
                json!(is_primary),
            ];
            results.push(browser.execute(SHELL, arguments).await);
        }
    }
    browser.close().await;
    results
}

fn users() -> Value {
    json!({ "admin": "of the admin", "orders": "of the service" })
}

#[tokio::test]
async fn a_first_start_creates_both_users_however_a_failed_sign_in_is_reported() {
    for result in results(&json!({}), true).await {
        assert_eq!(result, json!({ "users": users(), "open": 0, "waits": 0 }));
    }
}

#[tokio::test]
async fn a_changed_password_in_the_secret_is_changed_in_the_database() {
    let before = json!({ "admin": "of the admin", "orders": "an older one" });
    for result in results(&before, true).await {
        assert_eq!(result, json!({ "users": users(), "open": 0, "waits": 0 }));
    }
}

#[tokio::test]
async fn a_secondary_waits_until_the_service_can_sign_in() {
    for result in results(&json!({ "admin": "of the admin" }), false).await {
        assert_eq!(result, json!({ "users": users(), "open": 0, "waits": 1 }));
    }
}
