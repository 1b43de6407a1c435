//! What the platform must know of a service: a constant of its crate, which the service is put together from.
//!
//! The manifests are checked against it (`--describe` prints it), so it must be true. [`App`](crate::App) refuses to be
//! put together otherwise than its definition says, and a broker refuses to publish what is not in it.

use common::Subject;
use std::time::Duration;

/// What a process takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many requests are worked on at once.
    pub requests: usize,
    /// How many more may wait for a place.
    pub waiting: usize,
    /// The longest that a request waits for a place, and for how long there may be none free before no more wait.
    pub patience: Duration,
    /// How many event streams are opened at once, beside those requests. How many are open has a limit of its own.
    pub openings: usize,
    /// How many bodies are received at once, each of at most `web::BODY_LIMIT`.
    pub bodies: usize,
    /// The longest that receiving a body may take.
    pub body_time: Duration,
    /// The longest that a client waits for an answer.
    pub request_time: Duration,
}

impl Limits {
    /// What fits a service whose requests each ask the database.
    pub const USUAL: Self = Self {
        requests: 64,
        waiting: 64,
        patience: Duration::from_millis(500),
        openings: 64,
        bodies: 512,
        body_time: Duration::from_secs(5),
        request_time: Duration::from_secs(20),
    };
}

/// What a service serves, tells and listens to.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The service's name, which is also its user's at the broker.
    pub name: &'static str,
    /// The paths under which it serves: each and all below it. Its description is beside them, at
    /// [`description_path`](Self::description_path).
    pub paths: &'static [&'static str],
    /// What a process takes on.
    pub limits: Limits,
    /// What it adds to its admin port.
    pub admin_paths: &'static [&'static str],
    /// The events that it tells.
    pub publishes: &'static [Subject],
    /// The events that it acts on, once in all its processes.
    pub queue_group: Option<QueueGroup>,
    /// The events that each process shows to those who watch.
    pub feed: &'static [Subject],
    /// The events whose history it reads when it starts.
    pub history: &'static [Subject],
    /// Whether it can tell the state of everything that it owns again.
    pub resyncs: bool,
    /// Whether it brings the settings of the streams up to date. One service does, lest releases that differ undo
    /// each other's work, and so that only one may do so at the broker.
    pub keeps_streams: bool,
}

/// A durable consumer, shared by all processes of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueGroup {
    /// What it is called at the broker.
    pub name: &'static str,
    /// What it reads.
    pub subjects: &'static [Subject],
}

impl Definition {
    /// A service that serves nothing, tells nothing and listens to nothing.
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
            keeps_streams: false,
        }
    }

    /// Where the service's API is described.
    #[must_use]
    pub fn description_path(&self) -> String {
        format!("/api/{}/openapi.json", self.name)
    }

    /// Whether the path is one of the service's.
    #[must_use]
    pub fn serves(&self, path: &str) -> bool {
        self.paths.iter().any(|root| {
            path.strip_prefix(root.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether it speaks to the broker at all.
    #[must_use]
    pub const fn uses_broker(&self) -> bool {
        !self.publishes.is_empty() || self.queue_group.is_some() || !self.feed.is_empty()
    }

    /// Whether its processes read events with consumers of their own, beside the queue group.
    #[must_use]
    pub const fn reads_alone(&self) -> bool {
        !self.feed.is_empty() || !self.history.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_serves_its_paths_and_what_is_below_them() {
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
