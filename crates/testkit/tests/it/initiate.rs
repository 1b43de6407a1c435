//! The script that makes a database's users, in a pretended shell: a browser, since no other JavaScript is at hand.

use serde_json::{Value, json};
use testkit::{Browser, BrowserSettings};

const SCRIPT: &str = include_str!("../../../../infra/components/mongodb/initiate.js");
const SHELL: &str = include_str!("initiate.js");

/// How the script ends, whenever and however a refused sign-in is reported.
async fn runs(users: &Value, is_primary: bool) -> Vec<Value> {
    let browser = Browser::open(BrowserSettings::new("http://ticketing.test")).await;
    let mut ends = Vec::new();
    for reported in ["connect", "command"] {
        for wraps in [false, true] {
            let arguments = vec![
                json!(SCRIPT),
                json!(reported),
                json!(wraps),
                users.clone(),
                json!(is_primary),
            ];
            ends.push(browser.execute(SHELL, arguments).await);
        }
    }
    browser.close().await;
    ends
}

fn users() -> Value {
    json!({ "admin": "of the admin", "orders": "of the service" })
}

#[tokio::test]
async fn a_first_start_makes_both_users_whenever_a_refused_sign_in_is_reported() {
    for end in runs(&json!({}), true).await {
        assert_eq!(end, json!({ "users": users(), "open": 0, "waits": 0 }));
    }
}

#[tokio::test]
async fn a_password_that_was_changed_in_the_secret_is_changed_in_the_database() {
    let before = json!({ "admin": "of the admin", "orders": "an older one" });
    for end in runs(&before, true).await {
        assert_eq!(end, json!({ "users": users(), "open": 0, "waits": 0 }));
    }
}

#[tokio::test]
async fn another_member_waits_until_the_service_can_sign_in() {
    for end in runs(&json!({ "admin": "of the admin" }), false).await {
        assert_eq!(end, json!({ "users": users(), "open": 0, "waits": 1 }));
    }
}
