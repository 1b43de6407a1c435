//! The dependencies of services.

use std::fmt;

/// A server that a service reaches over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// The database.
    Mongo,
    /// The broker.
    Nats,
    /// The queue.
    Redis,
    /// Stripe's stand-in.
    Stripe,
}

impl Dependency {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mongo, Self::Nats, Self::Redis, Self::Stripe];

    /// The dependencies of a service (`orders`).
    #[must_use]
    pub fn of(service: &str) -> &'static [Self] {
        match service {
            "auth" => &[Self::Mongo],
            "tickets" | "orders" => &[Self::Mongo, Self::Nats],
            "payments" => &[Self::Mongo, Self::Nats, Self::Stripe],
            "expiration" => &[Self::Nats, Self::Redis],
            _ => &[],
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mongo => "MongoDB",
            Self::Nats => "NATS",
            Self::Redis => "Redis",
            Self::Stripe => "Stripe",
        })
    }
}
