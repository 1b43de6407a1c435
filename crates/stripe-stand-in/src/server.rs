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
use crate::pipeline::Shared;
use crate::routes;
use crate::settings::{Settings, Webhook};
use crate::webhooks::Courier;

/// Far longer than any request in progress takes once nothing is slow on purpose any more. What is open then are
/// connections that never carried a request, as browsers hold them.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// A running stand-in. It ends when it is stopped or dropped, and forgets everything.
#[derive(Debug)]
pub struct StripeStandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stops_when_dropped: DropGuard,
}

impl StripeStandIn {
    /// Serves on the listener from now on.
    ///
    /// # Panics
    /// If the listener has no address.
    #[expect(clippy::unused_async, reason = "it needs a runtime, and says so")]
    pub async fn start(listener: TcpListener, settings: Settings) -> Self {
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (courier, events) = Courier::new(settings.webhook.clone());
        let shared = Arc::new(Shared::new(settings, courier.clone()));
        let stop = shared.stop.clone();
        let tasks = TaskTracker::new();
        let books = shared.clone();
        let delivery = courier.deliver(events, shared.faults.clone(), move |event| {
            books.books().events.known_mut(&event.id).pending = false;
        });
        let ends = stop.clone();
        tasks.spawn(async move { ends.run_until_cancelled(delivery).await });
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

    /// Where it is, without a slash at the end. As `ClientBuilder::url` of async-stripe takes it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on events go here.
    pub fn set_webhook(&self, url: impl Into<String>, secret: impl Into<String>) {
        self.shared.courier.set_target(Some(Webhook {
            url: url.into(),
            secret: secret.into(),
        }));
    }

    /// The present state of all money.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.shared.books().ledger()
    }

    /// A person gives so many cents back in the dashboard, or all that is left; the refund's id, or none if nothing can
    /// be given back.
    #[must_use]
    pub fn refund(&self, intent: &str, amount: Option<i64>) -> Option<String> {
        self.shared.refund_by_hand(intent, amount).ok()
    }

    /// The buyer's bank disputes what is left of a charge; the dispute's id, or none if nothing can be disputed.
    #[must_use]
    pub fn open_dispute(&self, intent: &str) -> Option<String> {
        self.shared.open_dispute(intent).ok()
    }

    /// The bank decides a dispute that is open; false if it is not.
    #[must_use]
    pub fn close_dispute(&self, id: &str, won: bool) -> bool {
        self.shared.close_dispute(id, won).is_ok()
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults.inject(fault);
    }

    /// Takes away the faults that did not happen yet.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Ends it: requests in progress are answered, webhooks that wait are not delivered.
    pub async fn stop(self) {
        self.stop.cancel();
        if timeout(STOP_LIMIT, self.tasks.wait()).await.is_err() {
            tracing::debug!("somebody holds a connection open that carries no request");
        }
    }
}
