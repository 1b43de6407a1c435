//! Who takes money back at Stripe without asking the fleet: the seller in the dashboard, or the buyer's bank.

use std::time::Duration;

use payments::domain::Standing;
use tokio::time::sleep;

use crate::fleet::Fleet;
use crate::stripe::SimulatedCharge;

/// How long after the charge at most, in milliseconds.
const LATEST: u64 = 9_000;

/// Somebody who looks at one charge.
pub(crate) struct Dashboard {
    fleet: Fleet,
    intent: String,
    cents: i64,
}

impl Dashboard {
    pub(crate) fn new(fleet: &Fleet, charge: &SimulatedCharge) -> Self {
        Self {
            fleet: fleet.clone(),
            intent: charge.names.intent.clone(),
            cents: charge.cents,
        }
    }

    /// Refunds all of it, or a part and later perhaps the rest; or disputes it.
    pub(crate) async fn take_back(self) {
        self.pause().await;
        let stripe = &self.fleet.stripe;
        match self.fleet.world.below(5) {
            0 | 1 => stripe.refund_by_hand(&self.intent, self.cents),
            2 => stripe.refund_by_hand(&self.intent, self.cents / 3),
            3 => {
                stripe.refund_by_hand(&self.intent, self.cents / 3);
                self.pause().await;
                stripe.refund_by_hand(&self.intent, self.cents);
            }
            _ => {
                stripe.dispute(&self.intent, Standing::Open);
                self.pause().await;
                let standing = if self.fleet.world.percent(50) {
                    Standing::Won
                } else {
                    Standing::Lost
                };
                stripe.dispute(&self.intent, standing);
            }
        }
    }

    async fn pause(&self) {
        let longest = self.fleet.world.below(LATEST);
        sleep(Duration::from_millis(longest)).await;
    }
}
