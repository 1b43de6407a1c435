//! The orders that were made and have not ended, as a history of events tells it.

use std::collections::HashMap;

use common::events::{ExpirationState, OrderState};
use common::id::kind;
use common::{Event, Id, Timestamp};

/// What a history of events says of each order. An end stays an end, wherever in the history it stands.
#[derive(Debug, Clone, Default)]
pub struct OpenOrders {
    standings: HashMap<Id<kind::Order>, Standing>,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    OpenUntil(Timestamp),
    Ended,
}

impl OpenOrders {
    /// Takes the next event of the history into account.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::OrderCreated(order) if order.status.is_active() => self.open(order),
            Event::OrderCreated(order) | Event::OrderCancelled(order) => self.end(order.id),
            Event::PaymentCreated(payment) => self.end(payment.order_id),
            Event::ExpirationComplete(expiration) => self.end(expiration.order_id),
            Event::TicketCreated(_) | Event::TicketUpdated(_) | Event::PaymentRefunded(_) => {}
        }
    }

    fn open(&mut self, order: &OrderState) {
        let open = Standing::OpenUntil(order.expires_at);
        self.standings.entry(order.id).or_insert(open);
    }

    fn end(&mut self, order: Id<kind::Order>) {
        self.standings.insert(order, Standing::Ended);
    }

    /// The expirations that are still to come or overdue, the earliest first.
    #[must_use]
    pub fn into_expirations(self) -> Vec<ExpirationState> {
        let mut expirations: Vec<_> = self
            .standings
            .into_iter()
            .filter_map(|(order_id, standing)| match standing {
                Standing::OpenUntil(expires_at) => Some(ExpirationState {
                    order_id,
                    expires_at,
                }),
                Standing::Ended => None,
            })
            .collect();
        expirations.sort_unstable_by_key(|expiration| expiration.expires_at);
        expirations
    }
}
