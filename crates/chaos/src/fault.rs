//! The kinds of faults, and a fault with its target.

use std::fmt;
use std::str::FromStr;

use testkit::fleet::SERVICES;
use testkit::proxy::Dependency;

/// The number of replicas of each service in a run.
pub const REPLICAS: usize = 2;

/// A kind of fault, as `--faults` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Kills a process of a service, or all of them.
    Kill,
    /// Kills the broker.
    KillNats,
    /// Kills the queue.
    KillRedis,
    /// Kills the database.
    KillMongo,
    /// Suspends a process.
    Suspend,
    /// Breaks connections and refuses new ones.
    Cut,
    /// Leaves connections open without passing data.
    Stall,
    /// Delays the data of connections.
    Delay,
    /// Stripe answers late.
    StripeSlow,
    /// Stripe answers 500.
    StripeError,
    /// Stripe executes requests, and its answers are lost.
    StripeLost,
    /// Webhooks arrive late, twice, and in the wrong order.
    Webhooks,
    /// Every event is delivered again.
    Redeliver,
    /// Every process is stopped in order and restarted.
    RollingRestart,
    /// The broker loses its data.
    BrokerData,
    /// The queue loses its data.
    RedisData,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Kill,
        Self::KillNats,
        Self::KillRedis,
        Self::KillMongo,
        Self::Suspend,
        Self::Cut,
        Self::Stall,
        Self::Delay,
        Self::StripeSlow,
        Self::StripeError,
        Self::StripeLost,
        Self::Webhooks,
        Self::Redeliver,
        Self::RollingRestart,
        Self::BrokerData,
        Self::RedisData,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::KillNats => "kill-nats",
            Self::KillRedis => "kill-redis",
            Self::KillMongo => "kill-mongo",
            Self::Suspend => "suspend",
            Self::Cut => "cut",
            Self::Stall => "stall",
            Self::Delay => "delay",
            Self::StripeSlow => "stripe-slow",
            Self::StripeError => "stripe-error",
            Self::StripeLost => "stripe-lost",
            Self::Webhooks => "webhooks",
            Self::Redeliver => "redeliver",
            Self::RollingRestart => "rolling-restart",
            Self::BrokerData => "broker-data",
            Self::RedisData => "redis-data",
        }
    }

    /// A short description.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Kill => "kill -9 of one replica of a service, or of all, and a later restart",
            Self::KillNats => "kill -9 of NATS and a later restart",
            Self::KillRedis => "kill -9 of Redis and a later restart",
            Self::KillMongo => "kill -9 of MongoDB and a later restart",
            Self::Suspend => {
                "SIGSTOP of a replica or a server for longer than every timeout, then SIGCONT"
            }
            Self::Cut => "connections between a service and a dependency break and are refused",
            Self::Stall => {
                "connections between a service and a dependency stay open and pass no data"
            }
            Self::Delay => "data between a service and a dependency arrives late",
            Self::StripeSlow => "Stripe answers late",
            Self::StripeError => "Stripe answers 500, whether or not it executed the request",
            Self::StripeLost => "Stripe executes requests, and its answers are lost",
            Self::Webhooks => "webhooks arrive late, twice, and in the wrong order",
            Self::Redeliver => "every event of the stream is delivered again",
            Self::RollingRestart => "every process is stopped in order and restarted under load",
            Self::BrokerData => "NATS loses its data",
            Self::RedisData => "Redis loses its data",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text is not the name of a kind of fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind(String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Kind::ALL.map(Kind::name).join(", ");
        write!(f, "no fault is called {}; there are {names}", self.0)
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// A server that every service shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// The database.
    Mongo,
    /// The broker.
    Nats,
    /// The queue.
    Redis,
}

/// Some replicas of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Replicas {
    /// The service's name: `orders`.
    pub service: &'static str,
    /// The number of the replica, from 1; all replicas if none.
    pub one: Option<usize>,
}

impl Replicas {
    /// The numbers of the replicas.
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        (1..=REPLICAS).filter(move |number| self.one.is_none_or(|one| one == *number))
    }
}

/// The target of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Processes of a service.
    Replicas(Replicas),
    /// A server.
    Server(Server),
    /// The links between processes of a service and a dependency.
    Link(Replicas, Dependency),
    /// Stripe's stand-in.
    Stripe,
    /// Every process of every service.
    Services,
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Its kind.
    pub kind: Kind,
    /// Its target.
    pub target: Target,
}

/// What only one fault may affect at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Resource {
    Process(&'static str, usize),
    Server(Server),
    Link(&'static str, usize, Dependency),
    Stripe,
}

impl Fault {
    /// What it affects, in the same order for all faults.
    pub(crate) fn resources(self) -> Vec<Resource> {
        let mut resources: Vec<_> = match self.target {
            Target::Replicas(replicas) => replicas
                .numbers()
                .map(|number| Resource::Process(replicas.service, number))
                .collect(),
            Target::Server(server) => vec![Resource::Server(server)],
            Target::Link(replicas, dependency) => replicas
                .numbers()
                .map(|number| Resource::Link(replicas.service, number, dependency))
                .collect(),
            Target::Stripe => vec![Resource::Stripe],
            Target::Services => SERVICES
                .into_iter()
                .flat_map(|service| (1..=REPLICAS).map(move |n| Resource::Process(service, n)))
                .collect(),
        };
        resources.sort_unstable();
        resources
    }
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.one {
            Some(number) => write!(f, "{}-{number}", self.service),
            None => write!(f, "all of {}", self.service),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mongo => "MongoDB",
            Self::Nats => "NATS",
            Self::Redis => "Redis",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replicas(replicas) => write!(f, "{replicas}"),
            Self::Server(server) => write!(f, "{server}"),
            Self::Link(replicas, dependency) => write!(f, "{replicas} to {dependency}"),
            Self::Stripe => f.write_str("Stripe"),
            Self::Services => f.write_str("every service"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("earthquake".parse::<Kind>().is_err());
    }
}
