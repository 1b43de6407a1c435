//! The metrics of sign-ins, passwords and mails.

use testkit::eventually;

use crate::{
    PASSWORD, fresh_email, launch, mailed_link, request_link, sign_in, sign_up, unlimited,
};

#[tokio::test]
async fn sign_ins_passwords_mails_and_refusals_are_counted() {
    let app = launch(unlimited().set("SIGN_IN_FAILURES_PER_ACCOUNT", "2/1h")).await;
    let (api, email) = (app.anonymous(), fresh_email());
    sign_up(&api, &email).await;
    sign_in(&api, &email, PASSWORD).await;
    for status in [400, 400, 429] {
        assert_eq!(sign_in(&api, &email, "wrong").await.status, status);
    }
    request_link(&api, &email).await;
    mailed_link(&email).await;
    eventually("the mail is counted", async || {
        let sent = [("outcome", "sent")];
        app.metrics().await.count("ticketing_letters_total", &sent) == 1
    })
    .await;
    let scrape = app.metrics().await;
    let sign_ins = "ticketing_sign_ins_total";
    assert_eq!(scrape.count(sign_ins, &[("outcome", "signed_in")]), 1);
    assert_eq!(
        scrape.count(sign_ins, &[("outcome", "wrong_credentials")]),
        2
    );
    let limit = [("limit", "sign_in_failures_per_account")];
    assert_eq!(
        scrape.count("ticketing_rate_limited_requests_total", &limit),
        1
    );
    assert_eq!(scrape.count("ticketing_accounts_created_total", &[]), 1);
    assert_eq!(scrape.count("ticketing_letters_queued_total", &[]), 1);
    // One for the sign-up and one for each sign-in that was not refused.
    assert_eq!(
        scrape.count("ticketing_password_hash_duration_seconds_count", &[]),
        4
    );
    assert_eq!(scrape.count("ticketing_password_queue_length", &[]), 0);
    app.finish().await;
}
