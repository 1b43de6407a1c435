//! Declarations of metrics: name, kind, unit, help text and labels.

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by these upper bounds, and keeps their sum and number.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The name that Prometheus gives the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// The unit of a metric. Except for [`Unit::Number`], the metric's name ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A count without a unit.
    Number,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// US cents.
    Cents,
}

impl Unit {
    /// The unit's name; empty for a count.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Cents => "cents",
        }
    }
}

/// The values that a label may have. There is no unbounded case: free input of clients is never a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// One of these. Any other value is replaced by the last of them.
    OneOf(&'static [&'static str]),
    /// A set that the code or the configuration bounds, described by this text.
    Bounded(&'static str),
}

/// A label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its possible values.
    pub values: Values,
}

impl Label {
    /// A label with one of these values.
    #[must_use]
    pub const fn one_of(name: &'static str, values: &'static [&'static str]) -> Self {
        Self {
            name,
            values: Values::OneOf(values),
        }
    }

    /// A label whose values are bounded as `by` describes.
    #[must_use]
    pub const fn bounded(name: &'static str, by: &'static str) -> Self {
        Self {
            name,
            values: Values::Bounded(by),
        }
    }
}

/// The declaration of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name. By Prometheus's conventions it ends with the unit, and with `_total` if it is a counter.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// Its meaning, in sentences.
    pub help: &'static str,
    /// Its labels.
    pub labels: &'static [Label],
    /// Labels with constant values.
    pub fixed: &'static [(&'static str, &'static str)],
}

macro_rules! typed {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name<const N: usize>(pub(super) Metric);

        impl<const N: usize> $name<N> {
            /// Sets the unit.
            #[must_use]
            pub const fn unit(mut self, unit: Unit) -> Self {
                self.0.unit = unit;
                self
            }

            /// Adds labels with constant values.
            #[must_use]
            pub const fn fixed(mut self, labels: &'static [(&'static str, &'static str)]) -> Self {
                self.0.fixed = labels;
                self
            }

            /// The declaration.
            #[must_use]
            pub const fn declaration(&self) -> &Metric {
                &self.0
            }
        }
    };
}

typed! {
    /// The declaration of a counter with `N` labels.
    CounterOf
}
typed! {
    /// The declaration of a gauge with `N` labels.
    GaugeOf
}
typed! {
    /// The declaration of a histogram with `N` labels.
    HistogramOf
}

impl<const N: usize> CounterOf<N> {
    /// A counter without a unit.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str, labels: &'static [Label; N]) -> Self {
        Self(declaration(name, Kind::Counter, help, labels))
    }
}

impl<const N: usize> GaugeOf<N> {
    /// A gauge without a unit.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str, labels: &'static [Label; N]) -> Self {
        Self(declaration(name, Kind::Gauge, help, labels))
    }
}

impl<const N: usize> HistogramOf<N> {
    /// A histogram of durations in seconds, with these upper bounds.
    #[must_use]
    pub const fn seconds(
        name: &'static str,
        help: &'static str,
        labels: &'static [Label; N],
        bounds: &'static [f64],
    ) -> Self {
        Self(declaration(name, Kind::Histogram(bounds), help, labels)).unit(Unit::Seconds)
    }
}

const fn declaration(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    labels: &'static [Label],
) -> Metric {
    Metric {
        name,
        kind,
        unit: Unit::Number,
        help,
        labels,
        fixed: &[],
    }
}

/// Metrics about one topic, declared by one crate with [`declare_metrics!`](crate::declare_metrics).
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The topic.
    pub title: &'static str,
    /// The services that expose the metrics.
    pub exposed_by: &'static str,
    /// The metrics.
    pub metrics: &'static [&'static Metric],
}

/// OpenTelemetry's bounds for durations of requests and operations, in seconds
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>).
pub const DURATION_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Declares metrics as constants, documented by their help texts, and `METRICS`, the
/// [`Section`](crate::metrics::Section) with all of them.
///
/// Names follow OpenTelemetry's conventions in Prometheus's spelling, or start with `ticketing_` if OpenTelemetry does
/// not define the metric. In `SIGN_INS: CounterOf<1> = new(name, help, labels);` the number is that of the labels.
#[macro_export]
macro_rules! declare_metrics {
    (
        $vis:vis section $title:literal, $exposed_by:literal;
        $(
            $name:ident: $kind:ident<$labels:literal> =
                $new:ident($metric:literal, $help:literal, $($rest:tt)*)$(.$with:ident($($what:tt)*))*;
        )+
    ) => {
        $(
            #[doc = concat!("`", $metric, "`: ", $help)]
            $vis const $name: $crate::metrics::$kind<$labels> =
                $crate::metrics::$kind::<$labels>::$new($metric, $help, $($rest)*)$(.$with($($what)*))*;
        )+

        /// The metrics that this module declares.
        pub const METRICS: $crate::metrics::Section = $crate::metrics::Section {
            title: $title,
            exposed_by: $exposed_by,
            metrics: &[$($name.declaration()),+],
        };
    };
}
