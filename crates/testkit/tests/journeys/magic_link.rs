//! Signing in by a mailed link.

use std::time::Duration;

use serde_json::json;
use testkit::{Api, Fleet, fresh};

use crate::{sell, with_fleet};

/// Has a link mailed to this address, and gives its path.
pub(crate) async fn mailed_link(fleet: &Fleet, guest: &Api, email: &str) -> String {
    let asked = guest
        .post("/api/users/signup-pl", json!({ "email": email }))
        .await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let mail = fleet.mail().wait_for(email).await;
    let link = mail
        .text
        .split_whitespace()
        .find_map(|word| word.strip_prefix(&fleet.origin()));
    link.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_link_signs_in_once() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let (email, guest) = (fresh::email(), Api::anonymous(&fleet.origin()));
        let path = mailed_link(fleet, &guest, &email).await;
        let followed = guest.get(&path).await;
        assert!((300..400).contains(&followed.status), "{followed:?}");
        let user = guest.get("/api/users/currentuser").await;
        assert_eq!(user.json["currentUser"]["email"], json!(email));
        sell(&guest).await;
        let thief = Api::anonymous(&fleet.origin());
        assert_eq!(thief.get(&path).await.status, 400);
        let nobody = thief.get("/api/users/currentuser").await;
        assert_eq!(nobody.json, json!({ "currentUser": null }));
    })
    .await;
}
