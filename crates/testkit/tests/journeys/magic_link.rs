//! Sign-in with a mailed link.

use serde_json::json;
use testkit::{Api, Fleet, fresh};

use crate::{NO_EXPIRY, sell, with_fleet};

/// Requests a link for this address. Returns the mailed link's path.
pub(crate) async fn mailed_link(fleet: &Fleet, guest: &Api, email: &str) -> String {
    let requested = guest
        .post("/api/users/signup-pl", json!({ "email": email }))
        .await;
    assert_eq!(requested.status, 200, "{requested:?}");
    let mail = fleet.mail().wait_for(email).await;
    let link = mail
        .text
        .split_whitespace()
        .find_map(|word| word.strip_prefix(&fleet.origin()));
    link.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_link_signs_in_once() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let (email, guest) = (fresh::email(), Api::anonymous(&fleet.origin()));
        let path = mailed_link(fleet, &guest, &email).await;
        let followed = guest.get(&path).await;
        assert!((300..400).contains(&followed.status), "{followed:?}");
        let user = guest.get("/api/users/currentuser").await;
        assert_eq!(user.json["currentUser"]["email"], json!(email));
        sell(&guest).await;
        let thief = Api::anonymous(&fleet.origin());
        assert_eq!(thief.get(&path).await.status, 400);
        let current = thief.get("/api/users/currentuser").await;
        assert_eq!(current.json, json!({ "currentUser": null }));
    })
    .await;
}
