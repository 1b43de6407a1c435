//! Mixed load: shoppers that sell, buy, race, pay twice, change their minds and let things expire, each by itself.
//!
//! They behave as good clients do: told to come back later, or told nothing, they ask the very same again. Every answer
//! is held against the contract, and what was acknowledged is written into the [`History`](crate::History).

mod accounts;
mod ask;
mod buying;
mod contract;
mod customer;
mod holders;
mod racing;
mod scenario;
mod selling;
mod shop;
mod shopper;
mod taking_back;
mod tally;
mod waiting;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use scenario::Scenario;
pub(crate) use shop::Shop;
pub(crate) use shopper::Shopper;

pub use ask::Ask;
pub use contract::{Breach, Outcome};
pub use tally::{Held, Requests};

/// The shoppers, at work.
pub(crate) struct Load {
    shop: Arc<Shop>,
    shoppers: JoinSet<()>,
}

impl Load {
    /// Lets so many shoppers in.
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

    /// Lets everybody end what is in hand; returns once nobody waits for an answer.
    pub(crate) async fn finish(mut self) {
        self.shop.close();
        while let Some(ended) = self.shoppers.join_next().await {
            if let Err(error) = ended {
                self.shop.tally.panicked(&error.to_string());
            }
        }
    }
}

/// Pauses that end when the shop closes.
async fn pause(closing: &CancellationToken, duration: std::time::Duration) {
    closing
        .run_until_cancelled(tokio::time::sleep(duration))
        .await;
}
