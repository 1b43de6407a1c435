//! Payments, until their orders are complete. Stripe's stand-in runs in the load generator's process, so its CPU time
//! is not counted.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bson::doc;
use futures::TryStreamExt;
use hyper::Method;
use serde_json::json;

use super::compare::{CONNECTIONS, Plan, With, each};
use super::orders::orders;
use crate::lab::Lab;
use crate::load::Pace;
use crate::original::Original;
use crate::report::Outcome;
use crate::work::{Each, Work};

const MAX_RATE: f64 = 400.0;

/// Limit for placing the orders that are paid.
const PLACING_TIMEOUT: Duration = Duration::from_mins(1);

pub(super) async fn pay(lab: &Lab) -> Result<Outcome> {
    let plan = Plan {
        what: "POST /api/payments, until the order is complete",
        rate: 30.0,
        with: With::Nothing,
        target: None,
        original: Original::default(),
    };
    let row = each(lab, plan, MAX_RATE, async |count| {
        payments(lab, count).await
    });
    Ok(row.await?.into())
}

/// One payment for each of `count` new orders of one buyer.
async fn payments(lab: &Lab, count: usize) -> Result<Each> {
    let buyer = lab.shopper();
    let placing: Arc<dyn Work> = Arc::new(orders(lab, count, &buyer).await?);
    let placed = lab.run(&placing, Pace::Connections(CONNECTIONS), PLACING_TIMEOUT);
    let placed = placed.await?;
    ensure!(placed.good() > 0, "nothing to pay for: {:?}", placed.failed);
    let made = lab.collection("orders", "orders");
    let made = made
        .find(doc! { "user_id": buyer.id })
        .projection(doc! { "_id": 1 });
    let made: Vec<_> = made.await?.try_collect().await?;
    let targets = made.into_iter().filter_map(|order| {
        let order = order.get_object_id("_id").ok()?;
        let body = json!({ "token": "tok_visa", "orderId": order.to_hex() });
        Some(("/api/payments".to_owned(), body.to_string()))
    });
    let address = lab.address("payments");
    Ok(Each::new(address, Method::POST, &buyer, targets))
}
