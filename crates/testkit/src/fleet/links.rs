//! The links of one process to its dependencies, and the variables that make it use them.

use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, Result, bail};
use stripe_stand_in::StripeStandIn;
use tokio::net::lookup_host;

use crate::proxy::{Dependency, Proxy};
use crate::servers::Servers;

/// A proxy for each dependency of a process; empty if it connects directly.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<(Dependency, Proxy)>);

impl Links {
    /// Starts a link for each dependency of this service.
    pub(super) async fn of(
        service: &str,
        servers: &Servers,
        stripe: &StripeStandIn,
    ) -> Result<Self> {
        let mut links = Vec::new();
        for &dependency in Dependency::of(service) {
            let url = match dependency {
                Dependency::Mongo => servers.mongo().url().to_owned(),
                Dependency::Nats => servers.nats_url(),
                Dependency::Redis => servers.redis_url(),
                Dependency::Stripe => stripe.base_url(),
            };
            let target = resolve(&url).await;
            let target = target.with_context(|| format!("no proxy for {dependency}"))?;
            links.push((dependency, Proxy::start(target).await?));
        }
        Ok(Self(links))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Dependency, &Proxy)> {
        self.0
            .iter()
            .map(|(dependency, proxy)| (*dependency, proxy))
    }

    /// The variables that make the service use its links.
    pub(super) fn variables(&self, service: &str, servers: &Servers) -> Vec<(String, String)> {
        let variables = self.iter().map(|(dependency, proxy)| {
            let through = |url: &str| with_address(url, proxy.address());
            let (name, value) = match dependency {
                Dependency::Mongo => ("MONGO_URI", direct(through(&servers.mongo_uri(service)))),
                Dependency::Nats => ("NATS_URL", through(&servers.nats_url())),
                Dependency::Redis => ("REDIS_HOST", through(&servers.redis_url())),
                Dependency::Stripe => ("STRIPE_API_BASE", format!("http://{}", proxy.address())),
            };
            (name.to_owned(), value)
        });
        variables.collect()
    }
}

/// Without `directConnection`, a MongoDB driver connects to the addresses that the replica set reports, which bypasses
/// the link.
fn direct(uri: String) -> String {
    if uri.contains("directConnection=") {
        return uri;
    }
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}directConnection=true")
}

/// The URL with another address, and the same user, path and options.
fn with_address(url: &str, address: SocketAddr) -> String {
    let mut url = url.to_owned();
    url.replace_range(host_range(&url), &address.to_string());
    url
}

async fn resolve(url: &str) -> Result<SocketAddr> {
    let host = &url[host_range(url)];
    if host.contains(',') {
        bail!("{host} is more than one server");
    }
    let found = lookup_host(host).await;
    let mut found = found.with_context(|| format!("cannot find {host}"))?;
    found.next().with_context(|| format!("cannot find {host}"))
}

/// The range of `host:port` in a URL.
fn host_range(url: &str) -> Range<usize> {
    let start = url.find("://").map_or(0, |colon| colon + "://".len());
    let length = url[start..].find(['/', '?']);
    let end = length.map_or(url.len(), |length| start + length);
    let user = url[start..end].rfind('@');
    user.map_or(start, |at| start + at + 1)..end
}
