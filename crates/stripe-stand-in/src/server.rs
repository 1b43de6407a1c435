//! A running stand-in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::books::Ledger;
use crate::faults::Fault;
use crate::routes;
use crate::settings::{Settings, Webhook};
use crate::state::Shared;
use crate::webhooks::WebhookSender;

/// The time to stop, far longer than requests in progress take once injected delays end. Connections that are still
/// open then never carried a request; browsers hold such connections.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A running stand-in. When it is stopped or dropped, its data is gone.
#[derive(Debug)]
pub struct StripeStandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stops_when_dropped: DropGuard,
}

impl StripeStandIn {
    /// Starts serving on the listener.
    ///
    /// # Panics
    /// If the listener has no address.
    #[expect(clippy::unused_async, reason = "it must be called on a runtime")]
    pub async fn start(listener: TcpListener, settings: Settings) -> Self {
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (webhooks, events) = WebhookSender::new(settings.webhook.clone());
        let shared = Arc::new(Shared::new(settings, webhooks.clone()));
        let stop = shared.stop.clone();
        let tasks = TaskTracker::new();
        let books = shared.clone();
        let delivery = webhooks.deliver(events, shared.faults.clone(), move |event| {
            books.books().events.existing_mut(&event.id).pending = false;
        });
        let stopped = stop.clone();
        tasks.spawn(async move { stopped.run_until_cancelled(delivery).await });
        let server = axum::serve(listener, routes::table(shared.clone()))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "server failed");
            }
        });
        tasks.close();
        Self {
            address,
            shared,
            tasks,
            _stops_when_dropped: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Its URL without a trailing slash, for `ClientBuilder::url` of async-stripe.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends events to this URL, signed with this secret.
    pub fn set_webhook(&self, url: impl Into<String>, secret: impl Into<String>) {
        self.shared.webhooks.set_target(Some(Webhook {
            url: url.into(),
            secret: secret.into(),
        }));
    }

    /// The current ledger.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.shared.books().ledger()
    }

    /// Refunds the cents, or all that is left, as a person does in the dashboard. Returns the refund's id, or `None` if
    /// that cannot be refunded.
    #[must_use]
    pub fn refund(&self, intent: &str, amount: Option<i64>) -> Option<String> {
        self.shared.refund_by_hand(intent, amount).ok()
    }

    /// Disputes what is left of a charge, as the buyer's bank does. Returns the dispute's id, or `None` if nothing can
    /// be disputed.
    #[must_use]
    pub fn open_dispute(&self, intent: &str) -> Option<String> {
        self.shared.open_dispute(intent).ok()
    }

    /// Closes an open dispute with the bank's decision; false if it is not open.
    #[must_use]
    pub fn close_dispute(&self, id: &str, won: bool) -> bool {
        self.shared.close_dispute(id, won).is_ok()
    }

    /// Adds a fault.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults.inject(fault);
    }

    /// Removes all waiting faults.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Stops it. Requests in progress are answered; queued webhooks are not delivered.
    pub async fn stop(self) {
        self.stop.cancel();
        if timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::debug!("idle connection still open");
        }
    }
}
