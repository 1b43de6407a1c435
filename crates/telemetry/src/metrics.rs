//! Metrics that Prometheus scrapes from `/metrics` on the admin port.
//!
//! Each crate declares its metrics with [`declare_metrics!`](crate::declare_metrics); `infra/metrics.md` lists them
//! all. A service creates one [`Metrics`] with the sections that it exposes and passes it to everything that measures.
//! There is no global registry, so services that share a process, as in tests, have separate metrics.
//!
//! Instruments are resolved once and cost one or two atomic operations. Those of [`Metrics::none`] do nothing; the
//! simulation uses them.

pub mod catalogue;
mod instrument;
mod metric;
mod process;
mod registry;
mod runtime;
mod sample;

pub use instrument::{Counter, Counters, Gauge, Gauges, Histogram, Histograms, Up};
pub use metric::{
    CounterOf, DURATION_BOUNDS, GaugeOf, HistogramOf, Kind, Label, Metric, Section, Unit, Values,
};
pub use registry::Metrics;
