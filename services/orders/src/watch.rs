//! Watches one order until its final state.

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

/// How long to wait for the change that a hint announces. The consumer that makes the change receives the same event at
/// the same time.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(3);

/// How often to read the order without a hint, in case a hint was lost or its change took longer.
const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// How soon to read the order again after the database failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A watcher of an order.
#[derive(Debug)]
pub(crate) struct Watch {
    orders: OrderStore,
    hints: Subscription<Hint>,
    /// The newest state that was read.
    order: Order,
    /// Whether the watcher has received that state.
    is_shown: bool,
}

impl Watch {
    /// Watches an order that was just read and of which the watcher has the version `seen`. The subscription to the
    /// hints must be older than the read.
    pub(crate) fn new(
        orders: OrderStore,
        hints: Subscription<Hint>,
        order: Order,
        seen: Option<u64>,
    ) -> Self {
        let is_shown = seen == Some(order.version());
        Self {
            orders,
            hints,
            order,
            is_shown,
        }
    }

    /// Yields the order after each change. Ends after its final state, or with the feed.
    pub(crate) fn changes(self) -> impl Stream<Item = Order> + Send {
        stream::unfold(self, |mut watch| async move {
            let order = watch.next().await?;
            Some((order, watch))
        })
    }

    async fn next(&mut self) -> Option<Order> {
        let mut wait = POLL_INTERVAL;
        while self.is_shown {
            if self.is_final() {
                return None;
            }
            let refreshed = match timeout(wait, self.next_hint()).await {
                Ok(hint) => {
                    hint?;
                    self.refresh(CHANGE_TIMEOUT).await
                }
                Err(_) => self.refresh(Duration::ZERO).await,
            };
            wait = match refreshed {
                Ok(()) => POLL_INTERVAL,
                Err(error) => {
                    tracing::debug!(%error, order.id = %self.order.id(), "watched order not read");
                    RETRY_DELAY
                }
            };
        }
        self.is_shown = true;
        Some(self.order.clone())
    }

    const fn is_final(&self) -> bool {
        !self.order.status().is_active()
    }

    /// Returns when the order may have changed; `None` when the feed has ended.
    async fn next_hint(&mut self) -> Option<()> {
        loop {
            match self.hints.next().await? {
                News::Event { item: hint, .. } if self.concerns(hint) => return Some(()),
                News::Reset(_) => return Some(()),
                News::Event { .. } | News::Cursor(_) => {}
            }
        }
    }

    fn concerns(&self, hint: Hint) -> bool {
        hint.order == self.order.id() && !hint.is_outdated_by(&self.order)
    }

    /// Reads the order until it has changed, but no longer than `limit`.
    async fn refresh(&mut self, limit: Duration) -> Result<(), StoreError> {
        let (id, version) = (self.order.id(), self.order.version());
        let orders = &self.orders;
        let changed = find_within(limit, || find_newer(orders, id, version)).await?;
        if let Some(order) = changed {
            self.order = order;
            self.is_shown = false;
        }
        Ok(())
    }
}

async fn find_newer(
    orders: &OrderStore,
    id: Id<kind::Order>,
    version: u64,
) -> Result<Option<Order>, StoreError> {
    let order = orders.find(id).await?;
    Ok(order.filter(|order| order.version() > version))
}
