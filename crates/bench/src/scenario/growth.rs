//! How cost grows with what is stored. What should cost the same among a million as among a thousand is what a page shows
//! and what an order touches.

use anyhow::Result;

use super::compare::{Plan, With, each, read};
use super::orders::{self, MOST_A_SECOND};
use super::reads::list_page;
use crate::lab::Lab;
use crate::original;
use crate::report::Outcome;
use crate::seed;
use crate::work::Read;

/// How many tickets are listed among, and how it is said.
const TICKETS: [(usize, &str); 3] = [
    (1_000, "GET /api/tickets among 1,000"),
    (100_000, "GET /api/tickets among 100,000"),
    (1_000_000, "GET /api/tickets among 1,000,000"),
];

/// How many orders there are when some are placed.
const ORDERS: [(usize, &str); 2] = [
    (1_000, "POST /api/orders among 1,000"),
    (1_000_000, "POST /api/orders among 1,000,000"),
];

pub(super) async fn list(lab: &Lab) -> Result<Outcome> {
    let mut rows = Outcome::default();
    let mut stored = 0;
    for (count, what) in TICKETS {
        lab.step(&format!("list-growth: {count} tickets"));
        seed::listed(lab, count - stored).await?;
        stored = count;
        let plan = Plan {
            what,
            rate: 300.0,
            with: With::Nothing,
            target: None,
            original: original::LIST_OF_MANY,
        };
        // For others the database is not asked.
        let page = Read {
            cookie: Some(lab.shopper().just_wrote()),
            ..list_page(lab)
        };
        rows = rows.and(read(lab, page, plan).await?);
    }
    Ok(rows)
}

pub(super) async fn orders(lab: &Lab) -> Result<Outcome> {
    let mut rows = Outcome::default();
    let mut stored = 0;
    for (count, what) in ORDERS {
        lab.step(&format!("order-growth: {count} orders"));
        seed::sold(lab, count - stored).await?;
        stored = count;
        let plan = Plan {
            with: With::Nothing,
            ..orders::plan(what, original::ORDER_AMONG_MANY)
        };
        let row = each(lab, plan, MOST_A_SECOND, async |count| {
            orders::orders(lab, count, &lab.shopper()).await
        });
        rows = rows.and(row.await?);
    }
    Ok(rows)
}
