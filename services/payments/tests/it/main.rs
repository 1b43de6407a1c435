//! The payments service with real servers and a stand-in for Stripe.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod cancellation;
mod concurrency;
mod config;
mod declines;
mod domain;
mod failures;
mod metrics;
mod recovery;
mod reversals;
mod shop;
mod webhook;
