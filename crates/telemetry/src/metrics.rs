//! Metrics: numbers about what a process does, for Prometheus to fetch from `/metrics` on the admin port.
//!
//! What is measured is declared in the [`catalogue`] and nowhere else; `infra/metrics.md` is made of it. A service makes one
//! [`Metrics`] when it is put together, gives it to its database, its broker and its [`App`](crate::App), and takes from
//! it the instruments that it needs. There is no registry of the process, so services that share one, as in tests, keep
//! their numbers apart.
//!
//! Instruments are resolved once and cost an atomic operation or two. Those of [`Metrics::none`] do nothing at all: it is
//! what the simulation has.

pub mod catalogue;
mod instrument;
mod metric;
pub mod page;
mod process;
mod registry;
mod runtime;
mod sample;

pub use instrument::{Counter, Counters, Gauge, Gauges, Histogram, Histograms, Up};
pub use registry::Metrics;
