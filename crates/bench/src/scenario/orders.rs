//! Orders of distinct tickets, until every service has handled the events.

use std::sync::Arc;

use anyhow::Result;
use bson::oid::ObjectId;
use hyper::Method;

use super::compare::{CONNECTIONS, Plan, SLICES, With, collect, each};
use crate::lab::{Lab, Shopper};
use crate::load::Pace;
use crate::original::{self, Original};
use crate::report::{Outcome, Row};
use crate::seed;
use crate::work::{Each, Work, order_of};

/// Orders per second; more than any machine has reached so far.
pub(super) const MAX_RATE: f64 = 2_000.0;

/// The wanted share of a bare loop's rate.
const SHARE: f64 = 0.6;

pub(super) async fn order(lab: &Lab) -> Result<Outcome> {
    let plan = plan(
        "POST /api/orders, until all events are applied",
        original::ORDER,
    );
    let saga = each(lab, plan, MAX_RATE, async |count| {
        orders(lab, count, &lab.shopper()).await
    })
    .await?;
    let placed = placed(lab).await?;
    Ok(Outcome::from(saga).and(placed))
}

pub(super) const fn plan(what: &'static str, original: Original) -> Plan {
    Plan {
        what,
        rate: 50.0,
        with: With::Writes("saga"),
        target: Some(SHARE),
        original,
    }
}

/// One order for each of `count` new tickets.
pub(super) async fn orders(lab: &Lab, count: usize, buyer: &Shopper) -> Result<Each> {
    let tickets = seed::tickets(lab, count, ObjectId::new()).await?;
    let targets = tickets
        .into_iter()
        .map(|ticket| ("/api/orders".to_owned(), order_of(ticket)));
    Ok(Each::new(
        lab.address("orders"),
        Method::POST,
        buyer,
        targets,
    ))
}

/// Orders until the response, when they are durable, while the events of earlier orders are handled too. It has no
/// baseline: beside a bare transaction no saga runs.
async fn placed(lab: &Lab) -> Result<Row> {
    let slice = lab.settings.time / SLICES;
    let mut full = None;
    for _ in 0..SLICES {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small and positive"
        )]
        let count = (MAX_RATE * slice.as_secs_f64()) as usize;
        let work: Arc<dyn Work> =
            Arc::new(orders(lab, count, &lab.shopper()).await?.without_events());
        lab.settle().await?;
        collect(
            &mut full,
            lab.run(&work, Pace::Connections(CONNECTIONS), slice)
                .await?,
        );
    }
    lab.settle().await?;
    let what = "POST /api/orders, until answered";
    Row::new(lab, what, None, full, None, Original::default())
}
