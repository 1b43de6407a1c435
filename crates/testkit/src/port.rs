//! Free ports on loopback.
//!
//! They are taken from below the range that the operating system gives to outgoing connections: a server that is
//! killed and restarted finds its port free again, however many connections are made meanwhile.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{LazyLock, Mutex, PoisonError};

use rand::RngExt;

static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A port of 127.0.0.1 on which nothing listens, and which this process is not given again.
pub(crate) fn free() -> u16 {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let port = (0..1_000)
        .map(|_| rand::rng().random_range(12_000..32_000))
        .find(|port| !given.contains(port) && is_free(*port))
        .expect("a machine has a free port among 20,000");
    given.insert(port);
    port
}

/// Whether nothing listens on this port of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
