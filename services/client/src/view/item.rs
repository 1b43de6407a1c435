//! Tickets and orders in views.

use common::OrderStatus;
use common::api::orders::OrderView;
use common::events::CancellationReason;

/// The CSS class of a ticket's colour, which makes it recognisable. It depends on the end of the id, which is a
/// counter.
pub(super) fn hue(id: &str) -> &'static str {
    const HUES: [&str; 6] = ["hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5"];
    let sum: usize = id.bytes().rev().take(4).map(usize::from).sum();
    HUES[sum % HUES.len()]
}

/// The state of an order, as the `data-state` attribute of its page has it.
pub(super) fn stage(order: &OrderView) -> &'static str {
    match (order.status, order.reason) {
        (OrderStatus::Created | OrderStatus::AwaitingPayment, _) => "open",
        (OrderStatus::Complete, _) => "paid",
        (OrderStatus::Cancelled, Some(CancellationReason::Owner)) => "cancelled",
        (OrderStatus::Cancelled, Some(CancellationReason::Refunded)) => "refunded",
        (OrderStatus::Cancelled, Some(CancellationReason::Expired)) => "expired",
        (OrderStatus::Cancelled, None) => "withdrawn",
    }
}

/// A version in the type that islands use.
pub(super) fn version(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
