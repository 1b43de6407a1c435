//! Counters, gauges and histograms: wrappers of the library's types that check label values, and that do nothing if the
//! metrics are [`Metrics::none`](super::Metrics::none).

use std::time::Duration;

use prometheus::{CounterVec, GaugeVec, HistogramVec};

use super::metric::{Label, Values};

/// The value if the label may have it, otherwise the label's last value.
fn allowed<'a>(label: &'static Label, value: &'a str) -> &'a str {
    match label.values {
        Values::Bounded(_) => value,
        Values::OneOf(values) => {
            let known = values.iter().find(|known| **known == value);
            let rest = values.last().copied().unwrap_or_default();
            debug_assert!(
                known.is_some() || rest.to_lowercase().ends_with("other"),
                "{label:?}: {value}"
            );
            known.copied().unwrap_or(rest)
        }
    }
}

macro_rules! family {
    ($(#[$doc:meta])* $name:ident, $of:ty, $one:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name<const N: usize>(Option<($of, &'static [Label])>);

        impl<const N: usize> $name<N> {
            /// Instruments that do nothing.
            #[must_use]
            pub const fn absent() -> Self {
                Self(None)
            }

            pub(super) const fn of(family: $of, labels: &'static [Label]) -> Self {
                Self(Some((family, labels)))
            }

            /// The instrument with these label values, in the declaration's order. Keep it if you use it often.
            #[must_use]
            pub fn with(&self, mut values: [&str; N]) -> $one {
                let Some((family, labels)) = &self.0 else {
                    return $one(None);
                };
                for (label, value) in labels.iter().zip(&mut values) {
                    *value = allowed(label, value);
                }
                $one(Some(family.with_label_values(&values)))
            }
        }
    };
}

family! {
    /// A counter for each combination of label values.
    Counters, CounterVec, Counter
}
family! {
    /// A gauge for each combination of label values.
    Gauges, GaugeVec, Gauge
}
family! {
    /// A histogram for each combination of label values.
    Histograms, HistogramVec, Histogram
}

/// A number that only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Option<prometheus::Counter>);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        if let Some(counter) = &self.0 {
            counter.inc();
        }
    }

    /// Adds `number`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus stores floats, exact up to 2^53"
    )]
    pub fn add(&self, number: u64) {
        if let Some(counter) = &self.0 {
            counter.inc_by(number as f64);
        }
    }

    /// Raises the counter to a total that is counted elsewhere.
    pub(super) fn advance_to(&self, total: f64) {
        if let Some(counter) = &self.0 {
            counter.inc_by((total - counter.get()).max(0.0));
        }
    }
}

/// A number that goes up and down.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Option<prometheus::Gauge>);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: f64) {
        if let Some(gauge) = &self.0 {
            gauge.set(value);
        }
    }

    /// Sets the value to a whole number.
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus stores floats, exact up to 2^53"
    )]
    pub fn set_number(&self, number: usize) {
        self.set(number as f64);
    }

    /// Sets the value to `NaN`: it is unknown at present.
    pub fn set_unknown(&self) {
        self.set(f64::NAN);
    }

    /// Adds one.
    pub fn increment(&self) {
        if let Some(gauge) = &self.0 {
            gauge.inc();
        }
    }

    /// Subtracts one.
    pub fn decrement(&self) {
        if let Some(gauge) = &self.0 {
            gauge.dec();
        }
    }

    /// Adds one until the returned guard is dropped.
    #[must_use]
    pub fn up(&self) -> Up {
        self.increment();
        Up(self.clone())
    }
}

/// Subtracts one from its gauge when dropped.
#[derive(Debug)]
pub struct Up(Gauge);

impl Drop for Up {
    fn drop(&mut self) {
        self.0.decrement();
    }
}

/// A distribution of durations.
#[derive(Debug, Clone, Default)]
pub struct Histogram(Option<prometheus::Histogram>);

impl Histogram {
    /// Records a duration.
    pub fn observe(&self, duration: Duration) {
        if let Some(histogram) = &self.0 {
            histogram.observe(duration.as_secs_f64());
        }
    }
}
