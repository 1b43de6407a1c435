//! Returns money at Stripe without the fleet: the seller in the dashboard, or the buyer's bank by a dispute.

use std::time::Duration;

use payments::domain::DisputeState;
use tokio::time::sleep;

use crate::fleet::Fleet;
use crate::stripe::SimulatedCharge;

/// The longest pauses, in milliseconds.
const LONGEST_PAUSE: u64 = 9_000;

/// One charge in the dashboard.
pub(crate) struct Dashboard {
    fleet: Fleet,
    intent: String,
    cents: i64,
}

impl Dashboard {
    pub(crate) fn new(fleet: &Fleet, charge: &SimulatedCharge) -> Self {
        Self {
            fleet: fleet.clone(),
            intent: charge.ids.intent.clone(),
            cents: charge.cents,
        }
    }

    /// Refunds all of it, or a part and later perhaps the rest, or disputes it.
    pub(crate) async fn reverse(self) {
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
                stripe.dispute(&self.intent, DisputeState::Open);
                self.pause().await;
                let state = if self.fleet.world.percent(50) {
                    DisputeState::Won
                } else {
                    DisputeState::Lost
                };
                stripe.dispute(&self.intent, state);
            }
        }
    }

    async fn pause(&self) {
        let pause = self.fleet.world.below(LONGEST_PAUSE);
        sleep(Duration::from_millis(pause)).await;
    }
}
