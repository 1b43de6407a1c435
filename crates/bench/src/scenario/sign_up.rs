//! New accounts, whose cost is the password hash.

use anyhow::Result;
use hyper::Method;
use serde_json::json;

use super::compare::{Plan, With, each};
use crate::lab::Lab;
use crate::original;
use crate::report::Outcome;
use crate::work::Each;

pub(super) async fn sign_up(lab: &Lab) -> Result<Outcome> {
    let plan = Plan {
        what: "POST /api/users/signup",
        rate: 10.0,
        with: With::Nothing,
        target: None,
        original: original::SIGN_UP,
    };
    let row = each(lab, plan, 200.0, async |count| {
        let targets = (0..count).map(|_| {
            let (email, password) = (testkit::fresh::email(), testkit::fresh::password());
            let body = json!({ "email": email, "password": password });
            ("/api/users/signup".to_owned(), body.to_string())
        });
        let work = Each::new(lab.address("auth"), Method::POST, &lab.shopper(), targets);
        Ok(work.without_events())
    });
    Ok(row.await?.into())
}
