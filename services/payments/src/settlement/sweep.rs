//! The sweep: takes up what was left by a process that died, or by an answer that did not come.

use std::time::Duration;

use futures::StreamExt;
use mongo::StoreError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Settlement;
use crate::store::Due;

const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// How many payments a sweep takes at once.
const BATCH: i64 = 200;
/// How many of them are driven at once.
const IN_FLIGHT: usize = 16;

impl Settlement {
    /// Sweeps until told to stop, then waits for the payments under way, which Stripe's client soon cuts short.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(SWEEP_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let sweeping = async {
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                if let Err(error) = self.sweep().await {
                    tracing::warn!(%error, "sweep failed, trying again");
                }
            }
        };
        let closing = async {
            stop.cancelled().await;
            self.closing.cancel();
        };
        tokio::join!(sweeping, closing);
        self.under_way.close();
        self.under_way.wait().await;
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let due = self.payments.due(self.clock.now(), BATCH).await?;
        futures::stream::iter(due)
            .for_each_concurrent(IN_FLIGHT, async |due| {
                if let Err(error) = self.take_up(due).await {
                    tracing::warn!(%error, "payment not driven on, trying again");
                }
            })
            .await;
        Ok(())
    }

    async fn take_up(&self, due: Due) -> Result<(), StoreError> {
        // What is not taken up now is taken up by the next process.
        if self.closing.is_cancelled() {
            return Ok(());
        }
        if let Some(payment) = self.payments.claim(due, self.lease()).await? {
            tracing::info!(payment.id = %payment.id, order.id = %payment.order, payment.tries = payment.tries, "taking a payment up");
            let span = self.span_of(payment.order).await;
            self.drive(payment).instrument(span).await?;
        }
        Ok(())
    }
}
