//! Runs one of each scenario before any fault: otherwise a run proves nothing. Afterwards every collection exists.
//! (The MongoDB stand-in must not be killed while it creates one.)

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::history::Acknowledged;
use crate::load::{Scenario, Shop, Shopper};

/// The scenarios. The decline makes a second attempt, the expiry a job.
const ALL: [Scenario; 10] = [
    Scenario::SignUp,
    Scenario::MagicLink,
    Scenario::Sell,
    Scenario::Edit,
    Scenario::Withdraw,
    Scenario::Buy,
    Scenario::Decline,
    Scenario::Cancel,
    Scenario::CancelWhilePaying,
    Scenario::LetExpire,
];

/// For each scenario, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Above the numbers of all shoppers of the load.
const FIRST_CUSTOMER: usize = usize::MAX >> 32;

/// Runs one of each scenario, one after the other.
pub(crate) async fn warm_up(shop: &Arc<Shop>, seed: u64) -> Result<()> {
    let mut shopper = Shopper::new(shop.clone(), seed, FIRST_CUSTOMER);
    for scenario in ALL {
        let done = tokio::time::timeout(TIMEOUT, shopper.act(scenario)).await;
        done.ok().flatten().with_context(|| {
            let breaches = shop.tally.counts().breaches;
            let breaches: Vec<_> = breaches.iter().map(ToString::to_string).collect();
            format!(
                "the fleet cannot do this without faults: {} {}",
                scenario.name(),
                breaches.join("; ")
            )
        })?;
    }
    let (history, counts) = (shop.history.all(), shop.tally.counts());
    let has = |kind: fn(&Acknowledged) -> bool| history.iter().any(kind);
    ensure!(
        has(|one| matches!(one, Acknowledged::SignedUp { .. }))
            && has(|one| matches!(one, Acknowledged::TicketEdited { .. }))
            && has(|one| matches!(one, Acknowledged::Paid { .. }))
            && has(|one| matches!(one, Acknowledged::OrderCancelled { .. }))
            && counts.expired > 0
            && counts.breaches.is_empty(),
        "without faults, the fleet did only this: {history:?} {counts:?}"
    );
    Ok(())
}
