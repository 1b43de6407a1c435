//! Addresses with a non-ASCII domain, and accounts of earlier releases, which stored addresses as they were typed.

use bson::oid::ObjectId;
use bson::{DateTime, doc};
use serde_json::json;
use testkit::TestApp;

use crate::{
    PASSWORD, count, current_user, fresh_email, mailed_link, request_link, sign_in, sign_up, start,
    stored_user, users,
};

/// An unused address in both spellings: Unicode and ASCII.
fn fresh_addresses() -> (String, String) {
    let email = fresh_email();
    let (name, _) = email.split_once('@').unwrap();
    (
        format!("{name}@bücher.example"),
        format!("{name}@xn--bcher-kva.example"),
    )
}

/// Changes the account to how an earlier release stored it: with the address as it was typed, in lower case.
async fn respell(app: &TestApp, email: &str, earlier: &str) {
    let change = doc! { "$set": { "email": earlier } };
    let changed = users(app).update_one(doc! { "email": email }, change).await;
    assert_eq!(changed.unwrap().modified_count, 1);
}

#[tokio::test]
async fn all_spellings_of_a_domain_identify_the_same_account() {
    let app = start().await;
    let (unicode, ascii) = fresh_addresses();
    let made = sign_up(&app.anonymous(), &unicode).await;
    assert_eq!((made.status, &made.json["email"]), (201, &json!(ascii)));
    let decomposed = unicode.replace('ü', "u\u{308}");
    for spelling in [
        unicode.clone(),
        ascii.clone(),
        unicode.to_uppercase(),
        decomposed,
    ] {
        let again = sign_up(&app.anonymous(), &spelling).await;
        assert_eq!(
            (again.status, again.message()),
            (400, "Email in use"),
            "{spelling}"
        );
        let signed_in = sign_in(&app.anonymous(), &spelling, PASSWORD).await;
        assert_eq!(
            (signed_in.status, &signed_in.json),
            (200, &made.json),
            "{spelling}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn a_link_for_a_unicode_address_is_mailed_to_its_ascii_form() {
    let app = start().await;
    let (unicode, ascii) = fresh_addresses();
    assert_eq!(request_link(&app.anonymous(), &unicode).await.status, 200);
    let link = mailed_link(&ascii).await;
    let api = app.anonymous();
    assert_eq!(api.get(&link).await.status, 303);
    assert_eq!(current_user(&api).await["email"], json!(ascii));
    app.finish().await;
}

#[tokio::test]
async fn an_account_of_an_earlier_release_is_found_by_both_spellings() {
    let app = start().await;
    let (unicode, ascii) = fresh_addresses();
    let made = sign_up(&app.anonymous(), &ascii).await;
    respell(&app, &ascii, &unicode).await;
    for spelling in [&unicode, &ascii] {
        let signed_in = sign_in(&app.anonymous(), spelling, PASSWORD).await;
        assert_eq!(
            (signed_in.status, &signed_in.json),
            (200, &made.json),
            "{spelling}"
        );
        let again = sign_up(&app.anonymous(), spelling).await;
        assert_eq!(
            (again.status, again.message()),
            (400, "Email in use"),
            "{spelling}"
        );
    }
    assert_eq!(request_link(&app.anonymous(), &unicode).await.status, 200);
    let api = app.anonymous();
    assert_eq!(api.get(&mailed_link(&ascii).await).await.status, 303);
    assert_eq!(current_user(&api).await["id"], made.json["id"]);
    app.finish().await;
}

#[tokio::test]
async fn two_accounts_of_an_earlier_release_are_each_found_by_their_own_spelling() {
    let app = start().await;
    let (unicode, ascii) = fresh_addresses();
    let first = sign_up(&app.anonymous(), &ascii).await;
    let mut second = stored_user(&app, &ascii).await;
    let id = ObjectId::new();
    second.insert("_id", id);
    second.insert("email", &unicode);
    second.insert("created_at", DateTime::now());
    users(&app).insert_one(second).await.unwrap();
    for (spelling, id) in [(&ascii, first.id()), (&unicode, id.to_hex())] {
        let signed_in = sign_in(&app.anonymous(), spelling, PASSWORD).await;
        assert_eq!((signed_in.status, signed_in.id()), (200, id), "{spelling}");
    }
    app.finish().await;
}

#[tokio::test]
async fn an_account_whose_address_is_no_longer_accepted_can_still_sign_in() {
    let app = start().await;
    let email = fresh_email();
    let made = sign_up(&app.anonymous(), &email).await;
    let earlier = email.replace("example.com", "localhost");
    respell(&app, &email, &earlier).await;
    let api = app.anonymous();
    let signed_in = sign_in(&api, &earlier, PASSWORD).await;
    assert_eq!((signed_in.status, signed_in.id()), (200, made.id()));
    assert_eq!(current_user(&api).await["email"], json!(earlier));
    let unknown = sign_in(&api, &earlier.replace('@', "+@"), PASSWORD).await;
    assert_eq!(
        (unknown.status, unknown.message()),
        (400, "Invalid credentials")
    );
    app.finish().await;
}

#[tokio::test]
async fn an_undeliverable_address_gets_neither_an_account_nor_mail() {
    let app = start().await;
    for wrong in [
        "ü@example.com",
        ".u@example.com",
        "u..u@example.com",
        "u@localhost",
        "u@127.0.0.1",
        "u@[127.0.0.1]",
        "u@example.com.",
        "\"u\"@example.com",
        "u@xn--a.example",
        &format!("{}@example.com", "u".repeat(65)),
    ] {
        let refused = sign_up(&app.anonymous(), wrong).await;
        assert_eq!(
            (refused.status, refused.message()),
            (400, "Email must be valid"),
            "{wrong}"
        );
        let refused = request_link(&app.anonymous(), wrong).await;
        assert_eq!(
            (refused.status, refused.message()),
            (400, "Email must be valid"),
            "{wrong}"
        );
    }
    assert_eq!(count(&app, "users", doc! {}).await, 0);
    app.finish().await;
}
