//! How costs grow with the amount of stored data. A page and an order touch only a few documents, so they should cost
//! the same with a million documents as with a thousand.

use anyhow::Result;

use super::compare::{Plan, With, each, read};
use super::orders::{self, MAX_RATE};
use super::reads::list_page;
use crate::lab::Lab;
use crate::original;
use crate::report::Outcome;
use crate::seed;
use crate::work::Read;

/// The numbers of stored tickets, with the names of the rows.
const TICKETS: [(usize, &str); 3] = [
    (1_000, "GET /api/tickets, 1,000 stored"),
    (100_000, "GET /api/tickets, 100,000 stored"),
    (1_000_000, "GET /api/tickets, 1,000,000 stored"),
];

/// The numbers of stored orders, with the names of the rows.
const ORDERS: [(usize, &str); 2] = [
    (1_000, "POST /api/orders, 1,000 stored"),
    (1_000_000, "POST /api/orders, 1,000,000 stored"),
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
        // Other shoppers' requests do not reach the database.
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
        let row = each(lab, plan, MAX_RATE, async |count| {
            orders::orders(lab, count, &lab.shopper()).await
        });
        rows = rows.and(row.await?);
    }
    Ok(rows)
}
