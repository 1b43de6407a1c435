//! Draws the duration, the time and the target of a fault.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use testkit::fleet::SERVICES;
use testkit::proxy::Dependency;

use crate::fault::{Fault, Kind, REPLICAS, Replicas, Server, Target};

/// A run of this length has time to suspend a process for longer than every timeout of the fleet, the longest of which
/// is 20 s.
const ROOM_FOR_LONG: Duration = Duration::from_secs(40);

/// Whether a run may have several faults of this kind. A minute has time for only one of the long kinds.
pub(super) fn repeats(kind: Kind) -> bool {
    !matches!(kind, Kind::Suspend | Kind::RollingRestart)
}

/// One of these kinds at random, if there are any.
pub(super) fn one_of(kinds: &[Kind], random: &mut StdRng) -> Option<Kind> {
    kinds.choose(random).copied()
}

/// The duration of a fault of this kind in a run of this length.
pub(super) fn duration(kind: Kind, length: Duration, random: &mut StdRng) -> Duration {
    const SECOND: Duration = Duration::from_secs(1);
    let usual = (length / 6).clamp(SECOND, 8 * SECOND);
    let (shortest, longest) = match kind {
        // Longer than 20 s even if the duration is shrunk.
        Kind::Suspend if length >= ROOM_FOR_LONG => {
            return between(21 * SECOND, 24 * SECOND, random);
        }
        Kind::Suspend => (length / 5, length / 3),
        Kind::RollingRestart => (usual, usual),
        Kind::Redeliver | Kind::RedisData => (SECOND / 2, SECOND),
        _ => (SECOND, usual),
    };
    between(shortest, longest, random)
}

/// A duration between these two, in tenths of a second.
pub(super) fn between(shortest: Duration, longest: Duration, random: &mut StdRng) -> Duration {
    let span = shortest.as_secs_f64()..=longest.max(shortest).as_secs_f64();
    tenths(Duration::from_secs_f64(random.random_range(span)))
}

/// Rounded down to tenths of a second, for readable reports.
pub(super) fn tenths(duration: Duration) -> Duration {
    Duration::from_millis(100) * u32::try_from(duration.as_millis() / 100).unwrap_or(u32::MAX)
}

/// A fault of this kind with a target.
pub(super) fn fault(kind: Kind, random: &mut StdRng) -> Fault {
    let target = match kind {
        Kind::Kill => Target::Replicas(replicas(&SERVICES, random)),
        Kind::KillMongo => Target::Server(Server::Mongo),
        Kind::KillNats | Kind::BrokerData | Kind::Redeliver => Target::Server(Server::Nats),
        Kind::KillRedis | Kind::RedisData => Target::Server(Server::Redis),
        Kind::Suspend => suspended(random),
        Kind::Cut | Kind::Stall | Kind::Delay => link(random),
        Kind::StripeSlow | Kind::StripeError | Kind::StripeLost | Kind::Webhooks => Target::Stripe,
        Kind::RollingRestart => Target::Services,
    };
    Fault { kind, target }
}

/// One replica, or in one of three cases all.
fn replicas(services: &[&'static str], random: &mut StdRng) -> Replicas {
    let service = services.choose(random).expect("there are services");
    let one = random.random_bool(2.0 / 3.0);
    Replicas {
        service,
        one: one.then(|| random.random_range(1..=REPLICAS)),
    }
}

/// One replica, or in one of three cases a server.
fn suspended(random: &mut StdRng) -> Target {
    if random.random_bool(1.0 / 3.0) {
        let servers = [Server::Mongo, Server::Nats, Server::Redis];
        return Target::Server(*servers.choose(random).expect("there are servers"));
    }
    let service = SERVICES.choose(random).expect("there are services");
    Target::Replicas(Replicas {
        service,
        one: Some(random.random_range(1..=REPLICAS)),
    })
}

fn link(random: &mut StdRng) -> Target {
    let links: Vec<_> = SERVICES
        .into_iter()
        .flat_map(|service| Dependency::of(service).iter().map(move |on| (service, *on)))
        .collect();
    let (service, dependency) = *links.choose(random).expect("there are links");
    Target::Link(replicas(&[service], random), dependency)
}
