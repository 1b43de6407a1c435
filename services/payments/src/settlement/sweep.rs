//! The sweep: resumes payments whose process died or whose answer from Stripe was lost.

use std::time::Duration;

use futures::StreamExt;
use mongo::StoreError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Settlement;
use crate::store::Due;

const SWEEP_INTERVAL: Duration = Duration::from_millis(500);
/// How many payments one sweep handles.
const BATCH: i64 = 200;
/// How many payments a sweep drives concurrently.
const IN_FLIGHT: usize = 16;

impl Settlement {
    /// Sweeps until `stop` is cancelled, then waits for the tasks of buyers. Stripe's client ends those soon.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(SWEEP_INTERVAL);
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
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let due = self.payments.due(self.clock.now(), BATCH).await?;
        futures::stream::iter(due)
            .for_each_concurrent(IN_FLIGHT, async |due| {
                if let Err(error) = self.resume(due).await {
                    tracing::warn!(%error, "payment not resumed, trying again");
                }
            })
            .await;
        Ok(())
    }

    async fn resume(&self, due: Due) -> Result<(), StoreError> {
        // The next process resumes the rest.
        if self.closing.is_cancelled() {
            return Ok(());
        }
        if let Some(payment) = self.payments.claim(due, self.lease()).await? {
            let (order, tries) = (payment.order_id(), payment.tries());
            tracing::info!(payment.id = %payment.id(), order.id = %order, payment.tries = tries, "resuming a payment");
            let span = self.span_of(order).await;
            self.drive(payment).instrument(span).await?;
        }
        Ok(())
    }
}
