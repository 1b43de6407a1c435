//! New and changed tickets, until the orders service has the replica.

use anyhow::Result;
use hyper::Method;

use super::compare::{Plan, With, each};
use crate::lab::Lab;
use crate::original::{self, Original};
use crate::report::Outcome;
use crate::seed;
use crate::work::Each;

const MAX_RATE: f64 = 4_000.0;

pub(super) async fn create(lab: &Lab) -> Result<Outcome> {
    let plan = Plan {
        what: "POST /api/tickets, until replicated",
        rate: 200.0,
        with: With::Writes("ticket"),
        target: None,
        original: original::CREATE,
    };
    let row = each(lab, plan, MAX_RATE, async |count| {
        let body = r#"{"title":"Front row, on the left","price":19.99}"#;
        let target = ("/api/tickets".to_owned(), body.to_owned());
        let targets = std::iter::repeat_n(target, count);
        let address = lab.address("tickets");
        Ok(Each::new(address, Method::POST, &lab.shopper(), targets))
    });
    Ok(row.await?.into())
}

pub(super) async fn edit(lab: &Lab) -> Result<Outcome> {
    let plan = Plan {
        what: "PUT /api/tickets/{id}, until replicated",
        rate: 200.0,
        with: With::Writes("edit"),
        target: None,
        original: Original::default(),
    };
    let seller = lab.shopper();
    let row = each(lab, plan, MAX_RATE, async |count| {
        let body = r#"{"title":"Front row, on the right","price":29.99}"#;
        let tickets = seed::tickets(lab, count, seller.id).await?;
        let targets = tickets
            .into_iter()
            .map(|id| (format!("/api/tickets/{id}"), body.to_owned()));
        let address = lab.address("tickets");
        Ok(Each::new(address, Method::PUT, &seller, targets))
    });
    Ok(row.await?.into())
}
