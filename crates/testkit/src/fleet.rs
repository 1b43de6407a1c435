//! The whole fleet on loopback, with real service processes: servers, Stripe's stand-in, the services with their
//! replicas, and the gateway.
//!
//! The services are the binaries that cargo built, configured by their environment as in a deployment. The methods of
//! [`Service`] inject faults: kill, suspend, restart.

mod addresses;
mod built;
mod evidence;
mod links;
mod service;
mod settings;
mod variables;

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use futures::future::{join_all, try_join_all};
use stripe_stand_in::{Settings as StripeSettings, StripeStandIn, Webhook};
use tokio::net::TcpListener;

use crate::folder::DataFolder;
use crate::gateway::{Backends, Gateway};
use crate::mail::MailCatcher;
use crate::port;
use crate::servers::{Server, Servers, ServersSettings};
use built::Built;
use evidence::Evidence;
use variables::Shared;

pub use addresses::Addresses;
pub use service::Service;
pub use settings::FleetSettings;

/// The services, by the names of their packages. The last serves the shop's pages.
pub const SERVICES: [&str; 6] = [
    "auth",
    "tickets",
    "orders",
    "payments",
    "expiration",
    "client",
];

const MANIFEST: &str = include_str!("../../../infra/k8s/ingress-srv.yaml");

/// A running fleet. End it with [`Fleet::stop`]; dropping it kills it.
#[derive(Debug)]
pub struct Fleet {
    services: Vec<Service>,
    gateway: Gateway,
    stripe: StripeStandIn,
    servers: Servers,
    jwt_key: String,
    stripe_key: String,
    /// Declared before the folder, so that it is dropped first.
    _evidence: Evidence,
    folder: DataFolder,
}

impl Fleet {
    /// Starts everything, and returns once every service is ready.
    pub async fn start(settings: FleetSettings) -> Result<Self> {
        let built = Built::find(settings.release)?;
        let listener = gateway_listener(settings.gateway_port).await?;
        let folder = DataFolder::open(settings.data_dir.clone())?;
        settings.progress.step("starting MongoDB, NATS and Redis");
        let servers = Servers::start(ServersSettings {
            given: settings.given_servers,
            folder: Some(folder.path().to_owned()),
            progress: settings.progress.clone(),
        });
        let servers = servers.await?;
        let origin = format!(
            "http://{}",
            listener.local_addr().context("a bound socket")?
        );
        let shared = Shared::new(origin);
        let stripe = start_stripe(&shared).await?;
        settings.progress.step("starting the services");
        let services = shared.services(&settings, &servers, &stripe, &built, folder.path());
        let services = services.await?;
        try_join_all(services.iter().map(Service::start)).await?;
        let fleet = Self {
            gateway: Gateway::start(listener, MANIFEST, backends(&services))?,
            services,
            stripe,
            servers,
            jwt_key: shared.jwt_key,
            stripe_key: shared.stripe_key,
            _evidence: Evidence::of(folder.path()),
            folder,
        };
        fleet.wait_ready().await?;
        Ok(fleet)
    }

    /// The shop's origin: `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.gateway.origin()
    }

    /// The replicas of a service (`orders`).
    ///
    /// # Panics
    /// If there is no such service.
    #[must_use]
    pub fn service(&self, name: &str) -> Vec<&Service> {
        let replicas: Vec<_> = self
            .services()
            .filter(|service| service.name() == name)
            .collect();
        assert!(!replicas.is_empty(), "no service {name}");
        replicas
    }

    /// All replicas of all services.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.iter()
    }

    /// The gateway.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// MongoDB, NATS, Redis and the mail catcher.
    #[must_use]
    pub const fn servers(&self) -> &Servers {
        &self.servers
    }

    /// The mail catcher.
    #[must_use]
    pub const fn mail(&self) -> &MailCatcher {
        self.servers.mail()
    }

    /// Stripe's stand-in.
    #[must_use]
    pub const fn stripe(&self) -> &StripeStandIn {
        &self.stripe
    }

    /// The connection string of a service's database.
    #[must_use]
    pub fn mongo_uri(&self, service: &str) -> String {
        self.servers.mongo_uri(service)
    }

    /// The broker's URL.
    #[must_use]
    pub fn nats_url(&self) -> String {
        self.servers.nats_url()
    }

    /// The key that signs session tokens.
    #[must_use]
    pub fn jwt_key(&self) -> &str {
        &self.jwt_key
    }

    /// The folder of data and logs, with a `.log` file for each process.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until every running service is ready; an error if one ended instead.
    pub async fn wait_ready(&self) -> Result<()> {
        try_join_all(self.services.iter().map(Service::wait_ready)).await?;
        Ok(())
    }

    /// The services and servers that ended unexpectedly: name, exit status and last log lines of each.
    #[must_use]
    pub fn unexpected_exits(&self) -> Vec<String> {
        let servers = [
            self.servers.mongo(),
            self.servers.nats(),
            self.servers.redis(),
        ];
        let servers = servers.into_iter().filter_map(Server::unexpected_exit);
        let services = self.services.iter().filter_map(Service::unexpected_exit);
        services.chain(servers).collect()
    }

    /// Stops everything gracefully; an error if a service did not end as it should. Nothing is left running either way.
    pub async fn stop(self) -> Result<()> {
        self.gateway.stop().await;
        let faults = join_all(self.services.iter().map(Service::stop)).await;
        self.stripe.stop().await;
        self.servers.stop().await;
        let faults: Vec<_> = faults.into_iter().filter_map(Result::err).collect();
        if faults.is_empty() {
            return Ok(());
        }
        // Keeps the logs for people to read.
        let folder = self.folder.keep();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        bail!("{}\n(logs in {})", faults.join("\n"), folder.display())
    }
}

async fn gateway_listener(wanted: Option<u16>) -> Result<TcpListener> {
    let port = wanted.unwrap_or_else(port::free);
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    bound.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!("port {port} is in use; choose another"),
        _ => anyhow!("cannot listen on port {port}: {error}"),
    })
}

async fn start_stripe(shared: &Shared) -> Result<StripeStandIn> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port::free())).await;
    let settings = StripeSettings {
        secret_key: shared.stripe_key.clone(),
        publishable_key: shared.stripe_publishable_key.clone(),
        webhook: Some(Webhook {
            url: format!("{}/api/payments/webhook", shared.origin),
            secret: shared.stripe_webhook_secret.clone(),
        }),
    };
    let listener = listener.context("no port for Stripe's stand-in")?;
    Ok(StripeStandIn::start(listener, settings).await)
}

fn backends(services: &[Service]) -> Backends {
    let mut backends = Backends::new();
    for service in services {
        let replicas = backends
            .entry(format!("{}-srv", service.name()))
            .or_default();
        replicas.push(service.address());
    }
    backends
}
