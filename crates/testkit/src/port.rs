//! Free loopback ports.
//!
//! They are below the range of outgoing connections, so that a restarted server finds its port free again.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{LazyLock, Mutex, PoisonError};

use rand::RngExt;

static USED: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A port of 127.0.0.1 without a listener. Each call in this process returns another port.
pub(crate) fn free() -> u16 {
    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let port = (0..1_000)
        .map(|_| rand::rng().random_range(12_000..32_000))
        .find(|port| !used.contains(port) && is_free(*port))
        .expect("one of 20,000 ports is free");
    used.insert(port);
    port
}

/// Whether this port of 127.0.0.1 has no listener.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
