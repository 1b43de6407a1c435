//! The settings of a fleet.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::progress::{Progress, ToStderr};

/// The settings of a fleet to start. The default suits a test.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the switches are independent"
)]
pub struct FleetSettings {
    /// How long an order may stay unpaid.
    pub expiration: Duration,
    /// The number of replicas of a service; 1 if it is not listed.
    pub replicas: BTreeMap<String, usize>,
    /// Whether to run release binaries.
    pub release: bool,
    /// Whether to use the rate limits of production instead of wide ones.
    pub production_limits: bool,
    /// The gateway's port; a free one if `None`.
    pub gateway_port: Option<u16>,
    /// The folder for data and logs; a temporary folder if `None`.
    pub data_dir: Option<PathBuf>,
    /// Whether to use servers given by URLs in the environment. Otherwise the fleet starts its own.
    pub given_servers: bool,
    /// Whether each process connects to each dependency through its own [`Proxy`](crate::Proxy):
    /// [`Service::link`](super::Service::link).
    pub proxied: bool,
    /// Variables for every service, which override those of the fleet.
    pub environment: BTreeMap<String, String>,
    /// Receives each step.
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
