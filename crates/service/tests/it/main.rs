//! Tests of the shared crates: each mechanism separately, against real servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod config;
mod event_stream;
mod feed;
mod fixtures;
mod http;
mod idempotency;
mod lifecycle;
mod messaging;
mod metrics;
mod mongo;
mod outbox;
mod overload;
mod permissions;
mod relay;
mod releases;
mod requirements;
mod resync;
mod retries;
mod session;
mod sign_in;
mod toy;
