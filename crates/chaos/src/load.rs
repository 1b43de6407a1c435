//! Mixed load: independent shoppers who sell, buy, compete, pay twice, cancel and let orders expire.
//!
//! They behave as good clients do and repeat requests that were refused for now or got no response. Every response is
//! checked against the contract, and acknowledgements are recorded in the [`History`](crate::History).

mod accounts;
mod buying;
mod contract;
mod customer;
mod expiring;
mod holders;
mod operation;
mod racing;
mod reversal;
mod scenario;
mod selling;
mod shop;
mod shopper;
mod tally;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use scenario::Scenario;
pub(crate) use shop::Shop;
pub(crate) use shopper::Shopper;

pub use contract::{Breach, Outcome};
pub use operation::Operation;
pub use tally::{LoadCounts, Requests};

/// The running shoppers.
pub(crate) struct Load {
    shop: Arc<Shop>,
    shoppers: JoinSet<()>,
}

impl Load {
    /// Starts so many shoppers.
    pub(crate) fn start(shop: Arc<Shop>, seed: u64, shoppers: usize) -> Self {
        let mut tasks = JoinSet::new();
        for number in 0..shoppers {
            let shopper = Shopper::new(shop.clone(), seed, number);
            tasks.spawn(shopper.go_shopping());
        }
        Self {
            shop,
            shoppers: tasks,
        }
    }

    /// Lets all shoppers complete their scenarios, and waits for them.
    pub(crate) async fn finish(mut self) {
        self.shop.close();
        while let Some(ended) = self.shoppers.join_next().await {
            if let Err(error) = ended {
                self.shop.tally.panicked(&error.to_string());
            }
        }
    }
}

/// Sleeps until the shop closes at the latest.
async fn pause(closing: &CancellationToken, duration: std::time::Duration) {
    closing
        .run_until_cancelled(tokio::time::sleep(duration))
        .await;
}
