//! Logs: readable on a terminal, JSON elsewhere.

use std::io::{IsTerminal, stdout};

use tracing_subscriber::EnvFilter;

/// Starts logging to standard output.
///
/// `RUST_LOG` filters (default `info`); `LOG_FORMAT` is `json` or `pretty` (default: `pretty` on a terminal, else
/// `json`). Does nothing if logging was started before, as it is in tests.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter);
    let json = match std::env::var("LOG_FORMAT").as_deref() {
        Ok("json") => true,
        Ok("pretty") => false,
        _ => !stdout().is_terminal(),
    };
    // An error means that a subscriber is there already.
    let _ = if json {
        logs.json().flatten_event(true).try_init()
    } else {
        logs.try_init()
    };
}
