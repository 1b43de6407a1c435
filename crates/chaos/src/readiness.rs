//! Acts as Kubernetes does: routes requests to ready replicas only, and restarts and records processes that ended
//! unexpectedly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use testkit::Fleet;
use testkit::fleet::{SERVICES, Service};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);

/// How long a readiness probe may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The controller, which runs until it is stopped.
pub(crate) struct Readiness {
    stop: CancellationToken,
    task: JoinHandle<Vec<String>>,
}

impl Readiness {
    /// Starts to probe every second.
    pub(crate) fn start(fleet: Arc<Fleet>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(control(fleet, stop.clone()));
        Self { stop, task }
    }

    /// Stops, and returns the obituary of each process that ended unexpectedly.
    pub(crate) async fn finish(self) -> Vec<String> {
        self.stop.cancel();
        self.task.await.unwrap_or_default()
    }
}

async fn control(fleet: Arc<Fleet>, stop: CancellationToken) -> Vec<String> {
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .no_proxy()
        .build()
        .expect("a client without TLS needs nothing");
    let mut obituaries = Vec::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        join_all(SERVICES.map(|service| route(&fleet, service, &client))).await;
        for process in fleet.services() {
            if let Some(obituary) = process.unexpected_exit() {
                // An error means that something else started it.
                let _ = process.start().await;
                obituaries.push(obituary);
            }
        }
    }
    obituaries
}

/// Routes the gateway to the replicas of a service that are ready.
async fn route(fleet: &Fleet, service: &str, client: &reqwest::Client) {
    let replicas = fleet.service(service);
    let probes = replicas.iter().map(|replica| probe(replica, client));
    let ready = join_all(probes).await.into_iter().flatten().collect();
    fleet
        .gateway()
        .set_backends(&format!("{service}-srv"), ready);
}

async fn probe(replica: &Service, client: &reqwest::Client) -> Option<SocketAddr> {
    let url = format!("http://127.0.0.1:{}/readyz", replica.admin_port());
    let answer = client.get(url).send().await.ok()?;
    answer.status().is_success().then(|| replica.address())
}
