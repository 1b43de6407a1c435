//! Money that left again without our asking: refunds made in Stripe's dashboard, and disputes.
//!
//! All of it is read from Stripe as it is now, never pieced together from webhooks, which arrive twice and in any order.
//! What went back in full ends the payment like a refund of ours, and its order with it. A part of it is recorded and
//! leaves the order alone: it was given back out of goodwill.

use super::{Charge, Payment, Status};

/// What Stripe says went back of a charge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reversals {
    /// Cents that were refunded.
    pub refunded: i64,
    /// Stripe's id of the newest refund that did not fail.
    pub refund: Option<String>,
    /// Cents that the buyer's bank took back for good, by disputes that were lost.
    pub lost: i64,
    /// The newest dispute.
    pub dispute: Option<Dispute>,
}

/// A buyer's bank wants the money back: <https://docs.stripe.com/disputes>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// Stripe's id of it.
    pub id: String,
    /// Where it stands.
    pub standing: Standing,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Evidence can be given, or the bank decides.
    Open,
    /// The money stays here.
    Won,
    /// The money is gone.
    Lost,
}

impl Reversals {
    /// Cents that are not here any more.
    #[must_use]
    pub const fn cents(&self) -> i64 {
        self.refunded + self.lost
    }

    /// What took the money, for a payment that is over: a refund, or a lost dispute.
    fn cause(&self) -> String {
        let dispute = self.dispute.as_ref().filter(|_| self.lost > 0);
        let dispute = dispute.map(|dispute| dispute.id.clone());
        dispute.or_else(|| self.refund.clone()).unwrap_or_default()
    }
}

impl Payment {
    /// The payment after Stripe told what went back of this charge; `None` if nothing about it is news.
    ///
    /// A payment that was given back in full stays so. A refund that fails after that is for a person to look at.
    #[must_use]
    pub fn reversed(&self, charge: &Charge, reversals: &Reversals) -> Option<Self> {
        let is_ours = self.charge() == Some(charge);
        if !is_ours || matches!(self.status, Status::Refunded { .. }) {
            return None;
        }
        // A bank may take more than was left. That is a loss, and not money of this sale.
        let given_back = reversals.cents().min(self.price.cents());
        let all = given_back == self.price.cents();
        let news = all || given_back != self.given_back || reversals.dispute != self.dispute;
        news.then(|| {
            let status = if all {
                Status::Refunded {
                    charge: charge.clone(),
                    refund: reversals.cause(),
                }
            } else {
                self.status.clone()
            };
            Self {
                given_back,
                dispute: reversals.dispute.clone(),
                ..self.changed(status)
            }
        })
    }
}
