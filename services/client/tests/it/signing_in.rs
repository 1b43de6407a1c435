//! Sign-up, sign-in and sign-out.

use reqwest::Method;
use testkit::{Api, fresh};

use crate::{HOLD, expect_clean, guest, with_shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_up_out_and_in_again_with_mistakes_on_the_way() {
    with_shop(HOLD, async |fleet| {
        let (email, password, browser) = (fresh::email(), fresh::password(), guest(fleet).await);
        browser.goto("/auth/signup").await;
        browser.fill("Email", "nobody").await;
        browser.fill("Password", "short").await;
        browser.click_text("Create account").await;
        browser.wait_for_text("Email must be valid").await;
        browser
            .wait_for_text("Password must be between 8 and 128 characters")
            .await;
        assert_eq!(browser.value("Email").await, "nobody");
        assert_eq!(
            browser.value("Password").await,
            "",
            "a password never comes back"
        );
        assert_eq!(browser.focused().await.name, "Email");
        browser.wait_for_text("like name@example.com").await;
        browser.screenshot("sign-up-with-faults").await;
        browser.expect_accessible().await;
        browser.fill("Email", &email).await;
        browser.fill("Password", &password).await;
        browser.click_text("Create account").await;
        browser.wait_for_text(&email).await;
        browser.wait_for_text("Sign out").await;

        browser.click_text("Sign out").await;
        browser.wait_for_text("Sign in").await;
        assert!(!browser.has_text(&email).await);
        browser.goto("/orders").await;
        browser.wait_for_text("Please sign in first").await;
        browser.fill("Email", &email).await;
        browser.fill("Password", "not the password").await;
        browser.click("main form button").await;
        browser.wait_for_text("Invalid credentials").await;
        browser.fill("Password", &password).await;
        browser.click("main form button").await;
        browser.wait_for_path("/orders").await;
        browser.wait_for_text("No orders yet").await;
        let complaints = browser.console_errors_but(&["status of 400"]).await;
        assert_eq!(complaints, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_explains_what_is_wrong_with_an_address() {
    with_shop(HOLD, async |fleet| {
        let guest = Api::anonymous(&fleet.origin());
        for (typed, message) in [
            ("ü@example.com", "plain letters, a to z, before the @"),
            ("u@localhost.", "Please check the part after the @"),
            ("u..u@example.com", "dots only between other characters"),
        ] {
            for page in ["/auth/signup", "/auth/magic-link"] {
                let form = [("email", typed), ("password", "correct horse")];
                let answer = guest
                    .send(guest.request(Method::POST, page).form(&form))
                    .await;
                assert_eq!(answer.status, 400, "{page} {typed}");
                assert!(
                    answer.text.contains("Email must be valid"),
                    "{page} {typed}"
                );
                assert!(
                    answer.text.contains(message),
                    "{page} {typed}: {}",
                    answer.text
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_link_signs_in_once() {
    with_shop(HOLD, async |fleet| {
        let (email, browser) = (fresh::email(), guest(fleet).await);
        browser.goto("/auth/signin").await;
        browser.fill("Email", &email).await;
        browser.click_text("Email me a sign-in link").await;
        browser.wait_for_text("a link is on its way to").await;
        browser.screenshot("sign-in-link-sent").await;
        let mail = fleet.mail().wait_for(&email).await;
        let mut words = mail.text.split_whitespace();
        let link = words
            .find(|word| word.starts_with(&fleet.origin()))
            .unwrap();
        browser.goto(link).await;
        browser.wait_for_text(&email).await;
        assert_eq!(browser.path().await, "/");
        expect_clean(&browser, fleet).await;

        let thief = guest(fleet).await;
        thief.goto(link).await;
        thief.wait_for_text("This link was already used").await;
        assert!(!thief.has_text(&email).await);
        thief.expect_accessible().await;
        expect_clean(&thief, fleet).await;
    })
    .await;
}
