//! Money that goes back at Stripe without the fleet's asking: refunds in the dashboard, and disputes.

use std::time::Duration;

use common::Id;
use common::id::kind;
use rand::RngExt;
use rand::rngs::StdRng;

use super::buying::Own;
use super::customer::Customer;

/// How long a bank takes to decide.
const DECISION: Duration = Duration::from_millis(1_500);

/// How money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TakenBack {
    /// All of it, in the dashboard.
    All,
    /// A part of it, in the dashboard, which leaves the order as it is.
    Part,
    /// By a dispute that is lost.
    Lost,
    /// Not at all: a dispute is opened and won.
    Won,
}

impl TakenBack {
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
    /// Pays, and then somebody takes the money back at Stripe.
    pub(super) async fn pay_and_take_back(&self, own: Own, how: TakenBack) {
        if self.pay(own).await.is_none() {
            return;
        }
        if matches!(how, TakenBack::All | TakenBack::Lost) {
            // From here on its ticket may be sold to somebody else.
            self.shop.holders.given_up(own.ticket, own.order);
        }
        let Some((intent, cents)) = self.charge_of(own.order) else {
            return;
        };
        let stripe = self.shop.fleet.stripe();
        match how {
            TakenBack::All => _ = stripe.refund(&intent, None),
            TakenBack::Part => _ = stripe.refund(&intent, Some(cents / 2)),
            TakenBack::Lost | TakenBack::Won => {
                let Some(dispute) = stripe.open_dispute(&intent) else {
                    return;
                };
                // Also when the shop closes: a bank decides all the same.
                self.shop.pause(DECISION).await;
                _ = stripe.close_dispute(&dispute, how == TakenBack::Won);
            }
        }
    }

    /// The order's payment intent at Stripe, and what was charged by it.
    fn charge_of(&self, order: Id<kind::Order>) -> Option<(String, i64)> {
        let order = order.to_string();
        let charges = self.shop.fleet.stripe().ledger().charges;
        let mut charges = charges.into_iter();
        let charge = charges.find(|charge| charge.metadata.get("order_id") == Some(&order))?;
        Some((charge.payment_intent, charge.amount))
    }
}
