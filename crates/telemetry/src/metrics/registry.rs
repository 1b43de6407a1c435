//! The registry of one service's metrics, and its rendering as text.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::build_info::{self, BuildInfo};
use prometheus::core::Collector;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry, TextEncoder};

use super::catalogue::{self, BUILD_INFO};
use super::instrument::{Counter, Counters, Gauge, Gauges, Histogram, Histograms};
use super::metric::{CounterOf, GaugeOf, HistogramOf, Kind, Label, Metric, Section, Values};
use super::sample::Sample;
use super::{process, runtime};

/// A metric whose only label has at most this many known values starts with a series for each. Prometheus misses the
/// first increase of a counter whose series starts with it.
const INITIAL_SERIES_LIMIT: usize = 16;

/// The metrics of a service. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Inner>>);

#[derive(Default)]
struct Inner {
    registry: Registry,
    declared: Vec<Section>,
    families: Mutex<HashMap<&'static str, Family>>,
    callbacks: Mutex<Vec<Callback>>,
    samples: Mutex<Vec<Arc<Sample>>>,
}

type Callback = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone)]
enum Family {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.0.is_some() { "…" } else { "none" };
        write!(f, "Metrics({kind})")
    }
}

impl Metrics {
    /// Metrics whose instruments do nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Metrics of the process only, for the time before its service is built.
    #[must_use]
    pub fn of_process() -> Self {
        Self::declared_in(&[])
    }

    /// Metrics of a service, which registers those of `sections` and of the process.
    #[must_use]
    pub fn new(service: &str, sections: &[Section]) -> Self {
        let metrics = Self::declared_in(sections);
        let BuildInfo { version, commit } = build_info::BUILD_INFO;
        let info = metrics.gauges(&BUILD_INFO);
        info.with([service, version, commit]).set(1.0);
        metrics
    }

    fn declared_in(sections: &[Section]) -> Self {
        let mut declared = sections.to_vec();
        declared.push(catalogue::METRICS);
        let metrics = Self(Some(Arc::new(Inner {
            declared,
            ..Inner::default()
        })));
        process::measure(&metrics);
        runtime::measure(&metrics);
        metrics
    }

    /// The counters of this declaration.
    #[must_use]
    pub fn counters<const N: usize>(&self, of: &CounterOf<N>) -> Counters<N> {
        match self.family(of.declaration()) {
            Some(Family::Counter(family)) => Counters::of(family, of.declaration().labels),
            _ => Counters::absent(),
        }
    }

    /// The counter of this declaration without labels.
    #[must_use]
    pub fn counter(&self, of: &CounterOf<0>) -> Counter {
        self.counters(of).with([])
    }

    /// The gauges of this declaration.
    #[must_use]
    pub fn gauges<const N: usize>(&self, of: &GaugeOf<N>) -> Gauges<N> {
        match self.family(of.declaration()) {
            Some(Family::Gauge(family)) => Gauges::of(family, of.declaration().labels),
            _ => Gauges::absent(),
        }
    }

    /// The gauge of this declaration without labels.
    #[must_use]
    pub fn gauge(&self, of: &GaugeOf<0>) -> Gauge {
        self.gauges(of).with([])
    }

    /// The histograms of this declaration.
    #[must_use]
    pub fn histograms<const N: usize>(&self, of: &HistogramOf<N>) -> Histograms<N> {
        match self.family(of.declaration()) {
            Some(Family::Histogram(family)) => Histograms::of(family, of.declaration().labels),
            _ => Histograms::absent(),
        }
    }

    /// The histogram of this declaration without labels.
    #[must_use]
    pub fn histogram(&self, of: &HistogramOf<0>) -> Histogram {
        self.histograms(of).with([])
    }

    /// Calls `update` before each scrape, to update its instruments. It must return quickly.
    pub fn on_scrape(&self, update: impl Fn() + Send + Sync + 'static) {
        if let Some(inner) = &self.0 {
            locked(&inner.callbacks).push(Arc::new(update));
        }
    }

    /// Runs `sample` at scrapes, to update its instruments from a server such as the database. It runs at most once
    /// every few seconds, never concurrently, and a scrape does not wait long for it.
    pub fn sample<F>(&self, sample: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(inner) = &self.0 {
            locked(&inner.samples).push(Arc::new(Sample::new(sample)));
        }
    }

    /// Updates all metrics and renders them in Prometheus's text format.
    pub async fn render(&self) -> String {
        let Some(inner) = &self.0 else {
            return String::new();
        };
        let samples = locked(&inner.samples).clone();
        futures::future::join_all(samples.iter().map(super::sample::Sample::take)).await;
        let callbacks = locked(&inner.callbacks).clone();
        for update in callbacks {
            update();
        }
        TextEncoder::new()
            .encode_to_string(&inner.registry.gather())
            .expect("declared names are valid, and writing to memory does not fail")
    }

    /// The family of this declaration. The first call registers it.
    fn family(&self, declaration: &Metric) -> Option<Family> {
        let inner = self.0.as_ref()?;
        debug_assert!(
            inner
                .declared
                .iter()
                .any(|section| section.metrics.contains(&declaration)),
            "{} is in no section of these metrics",
            declaration.name
        );
        let mut families = locked(&inner.families);
        if let Some(family) = families.get(declaration.name) {
            return Some(family.clone());
        }
        let family = family_of(declaration);
        let collector: Box<dyn Collector> = match family.clone() {
            Family::Counter(family) => Box::new(family),
            Family::Gauge(family) => Box::new(family),
            Family::Histogram(family) => Box::new(family),
        };
        let registered = inner.registry.register(collector);
        registered.expect("declared names are unique");
        families.insert(declaration.name, family.clone());
        Some(family)
    }
}

fn family_of(declaration: &Metric) -> Family {
    let labels: Vec<_> = declaration.labels.iter().map(|label| label.name).collect();
    let valid = "declared names are valid";
    let mut opts = Opts::new(declaration.name, declaration.help);
    for (name, value) in declaration.fixed {
        opts = opts.const_label(*name, *value);
    }
    let values = initial_values(declaration.labels);
    match declaration.kind {
        Kind::Counter => {
            let family = CounterVec::new(opts, &labels).expect(valid);
            for value in values {
                let _ = family.with_label_values(&[*value]);
            }
            Family::Counter(family)
        }
        Kind::Gauge => Family::Gauge(GaugeVec::new(opts, &labels).expect(valid)),
        Kind::Histogram(bounds) => {
            let opts = HistogramOpts::from(opts).buckets(bounds.to_vec());
            let family = HistogramVec::new(opts, &labels).expect(valid);
            for value in values {
                let _ = family.with_label_values(&[*value]);
            }
            Family::Histogram(family)
        }
    }
}

fn initial_values(labels: &'static [Label]) -> &'static [&'static str] {
    match labels {
        [
            Label {
                values: Values::OneOf(values),
                ..
            },
        ] if values.len() <= INITIAL_SERIES_LIMIT => values,
        _ => &[],
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each critical section makes a single change, so a panic leaves no inconsistent state.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "undeclared_total is in no section")]
    fn an_undeclared_metric_is_rejected() {
        const UNDECLARED: CounterOf<0> = CounterOf::new("undeclared_total", "In no section.", &[]);
        let _ = Metrics::of_process().counter(&UNDECLARED);
    }
}
