//! What Kubernetes does for a deployed fleet: requests go to replicas that say they are ready, and a process that ended
//! by itself is started again, which is noted.

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

/// How long a replica may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(1);

/// The controller, at work until it is told to finish.
pub(crate) struct Readiness {
    stop: CancellationToken,
    task: JoinHandle<Vec<String>>,
}

impl Readiness {
    /// Looks every second from now on.
    pub(crate) fn start(fleet: Arc<Fleet>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(control(fleet, stop.clone()));
        Self { stop, task }
    }

    /// Ends it; gives the last words of each process that ended by itself.
    pub(crate) async fn finish(self) -> Vec<String> {
        self.stop.cancel();
        self.task.await.unwrap_or_default()
    }
}

async fn control(fleet: Arc<Fleet>, stop: CancellationToken) -> Vec<String> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
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
                // An error means that somebody else was faster.
                let _ = process.start().await;
                obituaries.push(obituary);
            }
        }
    }
    obituaries
}

/// Gives the gateway those replicas of a service that are ready.
async fn route(fleet: &Fleet, service: &str, client: &reqwest::Client) {
    let replicas = fleet.service(service);
    let asked = replicas.iter().map(|replica| ready(replica, client));
    let ready = join_all(asked).await.into_iter().flatten().collect();
    fleet
        .gateway()
        .set_backends(&format!("{service}-srv"), ready);
}

async fn ready(replica: &Service, client: &reqwest::Client) -> Option<SocketAddr> {
    let url = format!("http://127.0.0.1:{}/readyz", replica.admin_port());
    let answer = client.get(url).send().await.ok()?;
    answer.status().is_success().then(|| replica.address())
}
