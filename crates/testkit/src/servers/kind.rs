//! The kinds of servers.

use std::fmt;

/// A server that the fleet needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The database.
    Mongo,
    /// The broker.
    Nats,
    /// The queue.
    Redis,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mongo, Self::Nats, Self::Redis];

    /// A name for folders and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mongo => "mongo",
            Self::Nats => "nats",
            Self::Redis => "redis",
        }
    }

    /// The environment variable with the URL of a server that already runs.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Mongo => "TICKETING_MONGO_URL",
            Self::Nats => "TICKETING_NATS_URL",
            Self::Redis => "TICKETING_REDIS_URL",
        }
    }

    /// The URL of a server on this loopback port.
    pub(super) fn url(self, port: u16) -> String {
        match self {
            // Direct: the member's name in its replica set may not resolve here.
            Self::Mongo => format!("mongodb://127.0.0.1:{port}/?directConnection=true"),
            Self::Nats => format!("nats://127.0.0.1:{port}"),
            Self::Redis => format!("redis://127.0.0.1:{port}"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mongo => "MongoDB",
            Self::Nats => "NATS",
            Self::Redis => "Redis",
        })
    }
}
