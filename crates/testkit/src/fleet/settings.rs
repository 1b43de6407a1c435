//! What a fleet is to be like.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::progress::{Progress, ToStderr};

/// How a fleet is started. The default suits a test.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that has nothing to do with the others"
)]
pub struct FleetSettings {
    /// How long an order lives unpaid.
    pub expiration: Duration,
    /// How many processes a service has, where it is not one.
    pub replicas: BTreeMap<String, usize>,
    /// Whether to run the binaries that ship.
    pub release: bool,
    /// Whether the rate limits are those of production instead of wide ones.
    pub production_limits: bool,
    /// The gateway's port; a free one if none is named.
    pub gateway_port: Option<u16>,
    /// Where data and logs are kept; a temporary folder if none is named.
    pub data_dir: Option<PathBuf>,
    /// Whether servers given by URLs in the environment are used. If not, all servers are the fleet's own.
    pub given_servers: bool,
    /// Whether each process reaches each of its dependencies through a [`Proxy`](crate::Proxy) of its own:
    /// [`Service::link`](super::Service::link).
    pub proxied: bool,
    /// Variables for every service, over those that the fleet sets.
    pub environment: BTreeMap<String, String>,
    /// Who is told of each step.
    pub progress: Arc<dyn Progress>,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self {
            expiration: Duration::from_mins(15),
            replicas: BTreeMap::new(),
            release: false,
            production_limits: false,
            gateway_port: None,
            data_dir: None,
            given_servers: false,
            proxied: false,
            environment: BTreeMap::new(),
            progress: Arc::new(ToStderr),
        }
    }
}

impl fmt::Debug for FleetSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetSettings")
            .field("expiration", &self.expiration)
            .field("replicas", &self.replicas)
            .field("release", &self.release)
            .field("gateway_port", &self.gateway_port)
            .field("proxied", &self.proxied)
            .finish_non_exhaustive()
    }
}
