//! Every metric of the fleet, declared once. `infra/metrics.md` is made of this, dashboards and alerts may name nothing
//! else, and a label says nothing that is not bounded here.
//!
//! Names are OpenTelemetry's where it has one, written as Prometheus writes them, and begin with `ticketing_` where it has
//! none. A service exposes what it measures of these.

mod auth;
mod database;
mod expiration;
mod http;
mod messaging;
mod orders;
mod payments;
mod process;

pub use super::metric::{CounterOf, GaugeOf, HistogramOf, Kind, Label, Metric, Unit, Values};
pub use auth::*;
pub use database::*;
pub use expiration::*;
pub use http::*;
pub use messaging::*;
pub use orders::*;
pub use payments::*;
pub use process::*;

/// Metrics about one thing.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// Who exposes them.
    pub exposed_by: &'static str,
    /// The metrics.
    pub metrics: &'static [&'static Metric],
}

/// The whole catalogue.
pub const ALL: [Section; 8] = [
    http::SECTION,
    messaging::SECTION,
    database::SECTION,
    orders::SECTION,
    payments::SECTION,
    expiration::SECTION,
    auth::SECTION,
    process::SECTION,
];

/// OpenTelemetry's bounds for how long requests and operations take, in seconds
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>).
pub const DURATION_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Bounds for how far behind something is, in seconds: milliseconds as a rule, minutes after an outage. Two seconds and
/// ten are what the invariants allow.
pub const LAG_BOUNDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0,
];

/// Declares metrics, documented by their own words, and a section of the catalogue with all of them.
macro_rules! section {
    (
        $title:literal, $exposed_by:literal;
        $(
            $name:ident: $kind:ident<$labels:literal> =
                $new:ident($metric:literal, $help:literal, $($rest:tt)*)$(.$with:ident($($what:tt)*))*;
        )+
    ) => {
        $(
            #[doc = concat!("`", $metric, "`: ", $help)]
            pub const $name: $kind<$labels> =
                $kind::<$labels>::$new($metric, $help, $($rest)*)$(.$with($($what)*))*;
        )+

        /// What is declared here.
        pub(super) const SECTION: $crate::metrics::catalogue::Section =
            $crate::metrics::catalogue::Section {
                title: $title,
                exposed_by: $exposed_by,
                metrics: &[$($name.definition()),+],
            };
    };
}
use section;

#[cfg(test)]
mod tests;
