//! The attempts to charge cards for an order, from Stripe.

use anyhow::Context;
use audit::stripe::{StripeAccess, StripeReader, charge_of, is_disputed};
use bson::oid::ObjectId;
use common::Timestamp;

use super::timeline::{Step, Timeline};
use crate::failure::Failure;

/// How many intents are searched. Stripe lists the newest first and cannot filter by order.
const MOST: usize = 20_000;

/// Adds each intent of the order. None is older than the order.
pub(super) async fn add_attempts(
    access: &StripeAccess,
    timeline: &mut Timeline,
    order: ObjectId,
    created_at: Timestamp,
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
                        format!(", of which {refunded} were refunded")
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
            timeline.add(Step::new(at, "stripe", what, details).known_to_the_second());
        }
        at >= created_at && seen < MOST
    });
    listed
        .await
        .context("Stripe's account (STRIPE_KEY, STRIPE_API_BASE)")?;
    Ok(())
}
