//! When cards were tried for an order, and how that ended, by Stripe's account.

use anyhow::Context;
use audit::stripe::{StripeAccess, StripeReader, charge_of, is_disputed};
use bson::oid::ObjectId;
use common::Timestamp;

use super::timeline::{Moment, Timeline};
use crate::failure::Failure;

/// How many intents are looked through: Stripe lists the newest first and cannot be asked for an order's.
const MOST: usize = 20_000;

/// Tells of each intent that names the order. None was made before the order was.
pub(super) async fn tell(
    access: &StripeAccess,
    timeline: &mut Timeline,
    order: ObjectId,
    made: Timestamp,
) -> Result<(), Failure> {
    let stripe = StripeReader::new(access)?;
    let named = order.to_hex();
    let mut seen = 0;
    let listed = stripe.each_intent(|intent| {
        seen += 1;
        let at = Timestamp::from_milliseconds(intent.created.saturating_mul(1_000));
        if intent.metadata.get("order_id") == Some(&named) {
            let attempt = intent.metadata.get("attempt").map_or("?", String::as_str);
            let (what, details) = match charge_of(intent) {
                Some(charge) => {
                    let (amount, refunded) = (charge.amount, charge.refunded);
                    let refunded = if refunded == 0 {
                        String::new()
                    } else {
                        format!(", of which {refunded} were given back")
                    };
                    let disputed = if is_disputed(intent) {
                        ", disputed"
                    } else {
                        ""
                    };
                    let (id, of) = (&charge.id, intent.id.as_str());
                    (
                        "card charged",
                        format!("{amount} cents by {id} of {of}{refunded}{disputed}"),
                    )
                }
                None => (
                    "card not charged",
                    format!("{} is {}", intent.id, intent.status),
                ),
            };
            let what = format!("attempt {attempt}: {what}");
            timeline.add(Moment::new(at, "stripe", what, details).known_to_the_second());
        }
        at >= made && seen < MOST
    });
    listed
        .await
        .context("Stripe's account (STRIPE_KEY, STRIPE_API_BASE)")?;
    Ok(())
}
