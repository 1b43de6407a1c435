//! One of everything, in calm: a fleet that cannot do that proves nothing under faults, and every collection is there
//! afterwards. (The MongoDB stand-in must not be killed while it makes one.)

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::history::Acknowledged;
use crate::load::{Scenario, Shop, Shopper};

/// What a fleet must have done once. The decline makes a second attempt, the expiry a job.
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

/// For each, on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// No shopper of the load has this number.
const FIRST_CUSTOMER: usize = usize::MAX >> 32;

/// Does one of everything, one after the other.
pub(crate) async fn warm_up(shop: &Arc<Shop>, seed: u64) -> Result<()> {
    let mut shopper = Shopper::new(shop.clone(), seed, FIRST_CUSTOMER);
    for scenario in ALL {
        let done = tokio::time::timeout(PATIENCE, shopper.act(scenario)).await;
        done.ok().flatten().with_context(|| {
            let breaches = shop.tally.held().breaches;
            let breaches: Vec<_> = breaches.iter().map(ToString::to_string).collect();
            format!(
                "the fleet cannot do this in calm: {} {}",
                scenario.name(),
                breaches.join("; ")
            )
        })?;
    }
    let (history, held) = (shop.history.all(), shop.tally.held());
    let told = |of: fn(&Acknowledged) -> bool| history.iter().any(of);
    ensure!(
        told(|one| matches!(one, Acknowledged::SignedUp { .. }))
            && told(|one| matches!(one, Acknowledged::TicketEdited { .. }))
            && told(|one| matches!(one, Acknowledged::Paid { .. }))
            && told(|one| matches!(one, Acknowledged::OrderCancelled { .. }))
            && held.expired > 0
            && held.breaches.is_empty(),
        "in calm, the fleet did only this: {history:?} {held:?}"
    );
    Ok(())
}
