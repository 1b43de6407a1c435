//! What is counted and measured with: thin covers of the library's instruments which know what their labels may say, and
//! which may be absent.

use std::time::Duration;

use prometheus::{CounterVec, GaugeVec, HistogramVec};

use super::metric::{Label, Values};

/// A label's value as the catalogue allows it.
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
            /// None, which measure nothing.
            #[must_use]
            pub const fn absent() -> Self {
                Self(None)
            }

            pub(super) const fn of(family: $of, labels: &'static [Label]) -> Self {
                Self(Some((family, labels)))
            }

            /// The one whose labels say this, in the order of the catalogue. It is worth keeping where it is used often.
            #[must_use]
            pub fn with(&self, values: [&str; N]) -> $one {
                let Some((family, labels)) = &self.0 else {
                    return $one(None);
                };
                let mut said = values;
                for (label, value) in labels.iter().zip(&mut said) {
                    *value = allowed(label, value);
                }
                $one(Some(family.with_label_values(&said)))
            }
        }
    };
}

family! {
    /// Counters that differ by their labels.
    Counters, CounterVec, Counter
}
family! {
    /// Gauges that differ by their labels.
    Gauges, GaugeVec, Gauge
}
family! {
    /// Histograms that differ by their labels.
    Histograms, HistogramVec, Histogram
}

/// Only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Option<prometheus::Counter>);

impl Counter {
    /// It happened once more.
    pub fn increment(&self) {
        if let Some(counter) = &self.0 {
            counter.inc();
        }
    }

    /// It happened so many times more.
    #[expect(
        clippy::cast_precision_loss,
        reason = "as all numbers of Prometheus, exact up to 2^53"
    )]
    pub fn add(&self, number: u64) {
        if let Some(counter) = &self.0 {
            counter.inc_by(number as f64);
        }
    }

    /// Grows to a total that somebody else keeps.
    pub(super) fn advance_to(&self, total: f64) {
        if let Some(counter) = &self.0 {
            counter.inc_by((total - counter.get()).max(0.0));
        }
    }
}

/// Goes up and down.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Option<prometheus::Gauge>);

impl Gauge {
    /// It is this now.
    pub fn set(&self, value: f64) {
        if let Some(gauge) = &self.0 {
            gauge.set(value);
        }
    }

    /// It is so many now.
    #[expect(
        clippy::cast_precision_loss,
        reason = "as all numbers of Prometheus, exact up to 2^53"
    )]
    pub fn set_number(&self, number: usize) {
        self.set(number as f64);
    }

    /// It cannot be told at present.
    pub fn set_unknown(&self) {
        self.set(f64::NAN);
    }

    /// One more.
    pub fn increment(&self) {
        if let Some(gauge) = &self.0 {
            gauge.inc();
        }
    }

    /// One less.
    pub fn decrement(&self) {
        if let Some(gauge) = &self.0 {
            gauge.dec();
        }
    }

    /// One more until what is given is dropped.
    #[must_use]
    pub fn up(&self) -> Up {
        self.increment();
        Up(self.clone())
    }
}

/// One more, as long as it lives.
#[derive(Debug)]
pub struct Up(Gauge);

impl Drop for Up {
    fn drop(&mut self) {
        self.0.decrement();
    }
}

/// How long things take.
#[derive(Debug, Clone, Default)]
pub struct Histogram(Option<prometheus::Histogram>);

impl Histogram {
    /// It took so long this time.
    pub fn observe(&self, duration: Duration) {
        if let Some(histogram) = &self.0 {
            histogram.observe(duration.as_secs_f64());
        }
    }
}
