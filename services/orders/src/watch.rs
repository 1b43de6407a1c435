//! Watching one order until it has come to its end.

use std::time::Duration;

use common::Id;
use common::id::kind;
use futures::stream::{self, Stream};
use messaging::feed::{News, Subscription};
use mongo::StoreError;
use tokio::time::timeout;
use web::replica_waits::find_within;

use crate::domain::Order;
use crate::feed::Hint;
use crate::store::OrderStore;

/// How long a change that was hinted at is waited for: the hint comes to all at once, also to the consumer that makes
/// the change.
const HINTED: Duration = Duration::from_secs(3);

/// How often to look without a hint, in case one was lost or its change took longer.
const UNHINTED: Duration = Duration::from_secs(15);

/// How soon to look again after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Somebody who looks at an order.
#[derive(Debug)]
pub(crate) struct Watch {
    orders: OrderStore,
    hints: Subscription<Hint>,
    /// The order as it was read last.
    order: Order,
    /// Whether the watcher knows it so.
    shown: bool,
}

impl Watch {
    /// Begins with the order as it was just read, of which the watcher knows the version `seen`, if any. The hints must
    /// have been subscribed to before.
    pub(crate) fn new(
        orders: OrderStore,
        hints: Subscription<Hint>,
        order: Order,
        seen: Option<u64>,
    ) -> Self {
        let shown = seen == Some(order.version);
        Self {
            orders,
            hints,
            order,
            shown,
        }
    }

    /// The order each time that it has changed; ends after its final state, or with the feed.
    pub(crate) fn changes(self) -> impl Stream<Item = Order> + Send {
        stream::unfold(self, |mut watch| async move {
            let order = watch.next().await?;
            Some((order, watch))
        })
    }

    async fn next(&mut self) -> Option<Order> {
        let mut patience = UNHINTED;
        while self.shown {
            if self.is_over() {
                return None;
            }
            let looked = match timeout(patience, self.hinted()).await {
                Ok(hint) => {
                    hint?;
                    self.look(HINTED).await
                }
                Err(_) => self.look(Duration::ZERO).await,
            };
            patience = match looked {
                Ok(()) => UNHINTED,
                Err(error) => {
                    tracing::debug!(%error, order.id = %self.order.id, "order not looked at");
                    AFTER_FAILURE
                }
            };
        }
        self.shown = true;
        Some(self.order.clone())
    }

    const fn is_over(&self) -> bool {
        !self.order.status.is_active()
    }

    /// Returns when there is a reason to look; `None` when the feed has ended.
    async fn hinted(&mut self) -> Option<()> {
        loop {
            match self.hints.next().await? {
                News::Event { item: hint, .. } if self.concerns(hint) => return Some(()),
                News::Reset(_) => return Some(()),
                News::Event { .. } | News::Place(_) => {}
            }
        }
    }

    fn concerns(&self, hint: Hint) -> bool {
        hint.order == self.order.id && !hint.is_old_to(&self.order)
    }

    /// Reads the order, for at most this long until it has changed.
    async fn look(&mut self, limit: Duration) -> Result<(), StoreError> {
        let (id, version) = (self.order.id, self.order.version);
        let orders = &self.orders;
        let changed = find_within(limit, || newer(orders, id, version)).await?;
        if let Some(order) = changed {
            self.order = order;
            self.shown = false;
        }
        Ok(())
    }
}

/// The order, if its version is above this one.
async fn newer(
    orders: &OrderStore,
    id: Id<kind::Order>,
    version: u64,
) -> Result<Option<Order>, StoreError> {
    let order = orders.find(id).await?;
    Ok(order.filter(|order| order.version > version))
}
