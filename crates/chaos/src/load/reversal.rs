//! Money that is returned at Stripe without the fleet: refunds in the dashboard, and disputes.

use std::time::Duration;

use common::Id;
use common::id::kind;
use rand::RngExt;
use rand::rngs::StdRng;

use super::buying::OwnOrder;
use super::customer::Customer;

/// How long a bank takes to decide a dispute.
const DECISION: Duration = Duration::from_millis(1_500);

/// How money is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reversal {
    /// All of it, in the dashboard.
    All,
    /// A part of it, in the dashboard. The order stays complete.
    Part,
    /// All of it, by a lost dispute.
    Lost,
    /// Nothing: a dispute is opened and won.
    Won,
}

impl Reversal {
    pub(super) fn draw(random: &mut StdRng) -> Self {
        match random.random_range(0..5) {
            0 | 1 => Self::All,
            2 => Self::Part,
            3 => Self::Lost,
            _ => Self::Won,
        }
    }
}

impl Customer {
    /// Pays, and then has the money returned at Stripe.
    pub(super) async fn pay_and_reverse(&self, own: OwnOrder, how: Reversal) {
        if self.pay(own).await.is_none() {
            return;
        }
        if matches!(how, Reversal::All | Reversal::Lost) {
            // From now on its ticket may be sold again.
            self.shop.holders.released(own.ticket, own.order);
        }
        let Some((intent, cents)) = self.charge_of(own.order) else {
            return;
        };
        let stripe = self.shop.fleet.stripe();
        match how {
            Reversal::All => _ = stripe.refund(&intent, None),
            Reversal::Part => _ = stripe.refund(&intent, Some(cents / 2)),
            Reversal::Lost | Reversal::Won => {
                let Some(dispute) = stripe.open_dispute(&intent) else {
                    return;
                };
                // The bank decides even if the shop closes.
                self.shop.pause(DECISION).await;
                _ = stripe.close_dispute(&dispute, how == Reversal::Won);
            }
        }
    }

    /// The order's payment intent at Stripe, and the charged amount.
    fn charge_of(&self, order: Id<kind::Order>) -> Option<(String, i64)> {
        let order = order.to_string();
        let charges = self.shop.fleet.stripe().ledger().charges;
        let mut charges = charges.into_iter();
        let charge = charges.find(|charge| charge.metadata.get("order_id") == Some(&order))?;
        Some((charge.payment_intent, charge.amount))
    }
}
