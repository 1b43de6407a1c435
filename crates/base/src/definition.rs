//! Definitions of services: their paths, events and limits. Each service's crate has one as a constant.
//!
//! Manifests are checked against the definition, which `--describe` prints. `service::App` panics if a service is built
//! differently from its definition, and `messaging::Broker` refuses to publish events that are not in it.

use common::Subject;
use std::time::Duration;

/// The load limits of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of concurrent requests.
    pub requests: usize,
    /// The number of further requests that may wait for admission.
    pub waiting: usize,
    /// How long a request may wait for admission. While none was admitted at once for this long, new requests are
    /// refused instead of waiting.
    pub queue_timeout: Duration,
    /// The number of event streams that are being opened concurrently, in addition to `requests`. The number of open
    /// streams has a separate limit.
    pub openings: usize,
    /// The number of bodies that are received concurrently, each of at most `web::BODY_LIMIT`.
    pub bodies: usize,
    /// The time limit for receiving a body.
    pub body_time: Duration,
    /// The time limit for answering a request.
    pub request_time: Duration,
}

impl Limits {
    /// For services whose requests each query the database.
    pub const USUAL: Self = Self {
        requests: 64,
        waiting: 64,
        queue_timeout: Duration::from_millis(500),
        openings: 64,
        bodies: 512,
        body_time: Duration::from_secs(5),
        request_time: Duration::from_secs(20),
    };
}

/// The interfaces of a service.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The service's name, which is also its user name at the broker.
    pub name: &'static str,
    /// The paths that it serves, including all paths below them. It also serves its OpenAPI document at
    /// [`description_path`](Self::description_path).
    pub paths: &'static [&'static str],
    /// The load limits of each process.
    pub limits: Limits,
    /// Additional paths of its admin port.
    pub admin_paths: &'static [&'static str],
    /// The events that it publishes.
    pub publishes: &'static [Subject],
    /// The events that it consumes, each in one of its processes.
    pub queue_group: Option<QueueGroup>,
    /// The events that each process streams to browsers.
    pub feed: &'static [Subject],
    /// The events whose history it reads at startup.
    pub history: &'static [Subject],
    /// Whether it can publish the state of everything that it owns again.
    pub resyncs: bool,
    /// Whether it updates the settings of the streams. Only one service does, so that different releases do not undo
    /// each other's settings, and only that service has the permission at the broker.
    pub updates_streams: bool,
}

/// A durable consumer, shared by all processes of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueGroup {
    /// Its name at the broker.
    pub name: &'static str,
    /// The subjects that it consumes.
    pub subjects: &'static [Subject],
}

impl Definition {
    /// A service without paths and events.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            paths: &[],
            limits: Limits::USUAL,
            admin_paths: &[],
            publishes: &[],
            queue_group: None,
            feed: &[],
            history: &[],
            resyncs: false,
            updates_streams: false,
        }
    }

    /// The path of the service's OpenAPI document.
    #[must_use]
    pub fn description_path(&self) -> String {
        format!("/api/{}/openapi.json", self.name)
    }

    /// Whether the service serves this path.
    #[must_use]
    pub fn serves(&self, path: &str) -> bool {
        self.paths.iter().any(|root| {
            path.strip_prefix(root.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether it connects to the broker.
    #[must_use]
    pub const fn uses_broker(&self) -> bool {
        !self.publishes.is_empty() || self.queue_group.is_some() || !self.feed.is_empty()
    }

    /// Whether each process reads events with consumers of its own, in addition to the queue group.
    #[must_use]
    pub const fn reads_alone(&self) -> bool {
        !self.feed.is_empty() || !self.history.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_serves_its_paths_and_all_paths_below() {
        let tickets = Definition {
            paths: &["/api/tickets", "/api/ticket"],
            ..Definition::new("tickets")
        };
        assert!(tickets.serves("/api/tickets"));
        assert!(tickets.serves("/api/ticket/{id}"));
        assert!(!tickets.serves("/api/ticketing"));
        let shop = Definition {
            paths: &["/"],
            ..Definition::new("client")
        };
        assert!(shop.serves("/") && shop.serves("/orders"));
    }
}
