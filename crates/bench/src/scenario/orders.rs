//! Orders of distinct tickets, until every service has its events.

use anyhow::Result;
use bson::oid::ObjectId;
use hyper::Method;

use super::compare::{CONNECTIONS, Plan, SLICES, With, collect, each};
use crate::baseline;
use crate::lab::{Lab, Shopper};
use crate::load::Pace;
use crate::original::{self, Original};
use crate::report::{Compared, Outcome, Row};
use crate::seed;
use crate::work::{Each, Work, order_of};

/// More than any machine that this was run on does.
pub(super) const MOST_A_SECOND: f64 = 2_000.0;

/// How much of a bare loop's rate there should be.
const SHARE: f64 = 0.6;

pub(super) async fn order(lab: &Lab) -> Result<Outcome> {
    let plan = plan(
        "POST /api/orders, until all events are applied",
        original::ORDER,
    );
    let saga = each(lab, plan, MOST_A_SECOND, async |count| {
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

/// One order of each of so many fresh tickets.
pub(super) async fn orders(lab: &Lab, count: usize, buyer: &Shopper) -> Result<Each> {
    let tickets = seed::tickets(lab, count, ObjectId::new()).await?;
    let wishes = tickets
        .into_iter()
        .map(|ticket| ("/api/orders".to_owned(), order_of(ticket)));
    Ok(Each::new(
        lab.address("orders"),
        Method::POST,
        buyer,
        wishes,
    ))
}

/// Orders until they are answered, which is when they are safe; compared with the bare transaction that makes them so.
/// What follows from them is waited for, and not counted.
async fn placed(lab: &Lab) -> Result<Row> {
    let slice = lab.settings.time / SLICES;
    let mut full = None;
    let mut compared = Compared::with("bare transaction", Some(SHARE));
    for _ in 0..SLICES {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small and positive"
        )]
        let count = (MOST_A_SECOND * slice.as_secs_f64()) as usize;
        let work: std::sync::Arc<dyn Work> = std::sync::Arc::new(
            orders(lab, count, &lab.shopper())
                .await?
                .without_consequences(),
        );
        lab.settle().await?;
        collect(
            &mut full,
            lab.run(&work, Pace::Connections(CONNECTIONS), slice)
                .await?,
        );
        lab.settle().await?;
        collect(
            &mut compared.full,
            baseline::writes(lab, "order", slice).await?,
        );
    }
    let what = "POST /api/orders, until answered";
    Row::new(lab, what, None, full, Some(compared), Original::default())
}
