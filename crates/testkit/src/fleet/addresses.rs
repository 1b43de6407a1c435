//! The addresses of a fleet's parts, for tools that inspect it, by the names of the variables that they read.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::Fleet;

/// The services with a database that tools read.
const WITH_DATABASE: [&str; 4] = ["auth", "tickets", "orders", "payments"];

/// The addresses of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// The values of variables, by their names.
    pub variables: BTreeMap<String, String>,
    /// The admin ports of each service's processes.
    pub admin_urls: BTreeMap<String, Vec<String>>,
}

impl Fleet {
    /// The addresses, without proxies. Stripe is the stand-in.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        let servers = self.servers();
        let mut variables = BTreeMap::from([
            ("NATS_URL".to_owned(), servers.nats_url()),
            (
                "REDIS_HOST".to_owned(),
                servers.redis().address().to_owned(),
            ),
            ("STRIPE_KEY".to_owned(), self.stripe_key.clone()),
            ("STRIPE_API_BASE".to_owned(), self.stripe().base_url()),
        ]);
        for service in WITH_DATABASE {
            let name = format!("{}_MONGO_URI", service.to_uppercase());
            variables.insert(name, servers.mongo_uri(service));
        }
        let mut admin_urls = BTreeMap::<_, Vec<_>>::new();
        for service in self.services() {
            let of_service = admin_urls.entry(service.name().to_owned()).or_default();
            of_service.push(format!("http://127.0.0.1:{}", service.admin_port()));
        }
        Addresses {
            variables,
            admin_urls,
        }
    }
}

impl Addresses {
    /// Without Stripe, whose key may be a real one.
    #[must_use]
    pub fn without_stripe(mut self) -> Self {
        self.variables
            .retain(|name, _| !name.starts_with("STRIPE_"));
        self
    }

    /// Writes a file that only its owner may read.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).context("addresses are JSON")?;
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path);
        let written = file.and_then(|mut file| file.write_all(&text));
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}
