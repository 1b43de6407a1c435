//! The instruments of one service, and what they say when they are asked.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::Collector;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry, TextEncoder};

use super::catalogue::{BUILD_INFO, CounterOf, GaugeOf, HistogramOf};
use super::instrument::{Counter, Counters, Gauge, Gauges, Histogram, Histograms};
use super::metric::{Kind, Label, Metric, Values};
use super::sample::Sample;
use super::{process, runtime};
use base::build_info::{self, BuildInfo};

/// Up to how many series a metric begins with, where all that its label may say is known: a counter that is not there
/// before it first grows hides that first growth.
const KNOWN_FROM_THE_START: usize = 16;

/// The metrics of a service. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Inner>>);

#[derive(Default)]
struct Inner {
    registry: Registry,
    families: Mutex<HashMap<&'static str, Family>>,
    /// What brings gauges up to date before they are read.
    looks: Mutex<Vec<Look>>,
    samples: Mutex<Vec<Arc<Sample>>>,
}

type Look = Arc<dyn Fn() + Send + Sync>;

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
    /// Metrics of nothing, whose instruments do nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Metrics of this process as yet, whatever service it is.
    #[must_use]
    pub fn of_process() -> Self {
        let metrics = Self(Some(Arc::default()));
        process::measure(&metrics);
        runtime::measure(&metrics);
        metrics
    }

    /// Metrics of this service, whose process is among them.
    #[must_use]
    pub fn new(service: &str) -> Self {
        let metrics = Self::of_process();
        let BuildInfo { version, commit } = build_info::BUILD_INFO;
        let info = metrics.gauges(&BUILD_INFO);
        info.with([service, version, commit]).set(1.0);
        metrics
    }

    /// The counters of this definition.
    #[must_use]
    pub fn counters<const N: usize>(&self, of: &CounterOf<N>) -> Counters<N> {
        match self.family(of.definition()) {
            Some(Family::Counter(family)) => Counters::of(family, of.definition().labels),
            _ => Counters::absent(),
        }
    }

    /// The counter of this definition, which has no labels.
    #[must_use]
    pub fn counter(&self, of: &CounterOf<0>) -> Counter {
        self.counters(of).with([])
    }

    /// The gauges of this definition.
    #[must_use]
    pub fn gauges<const N: usize>(&self, of: &GaugeOf<N>) -> Gauges<N> {
        match self.family(of.definition()) {
            Some(Family::Gauge(family)) => Gauges::of(family, of.definition().labels),
            _ => Gauges::absent(),
        }
    }

    /// The gauge of this definition, which has no labels.
    #[must_use]
    pub fn gauge(&self, of: &GaugeOf<0>) -> Gauge {
        self.gauges(of).with([])
    }

    /// The histograms of this definition.
    #[must_use]
    pub fn histograms<const N: usize>(&self, of: &HistogramOf<N>) -> Histograms<N> {
        match self.family(of.definition()) {
            Some(Family::Histogram(family)) => Histograms::of(family, of.definition().labels),
            _ => Histograms::absent(),
        }
    }

    /// The histogram of this definition, which has no labels.
    #[must_use]
    pub fn histogram(&self, of: &HistogramOf<0>) -> Histogram {
        self.histograms(of).with([])
    }

    /// Lets `look` bring its instruments up to date whenever they are to be read. It must not take long.
    pub fn on_scrape(&self, look: impl Fn() + Send + Sync + 'static) {
        if let Some(inner) = &self.0 {
            locked(&inner.looks).push(Arc::new(look));
        }
    }

    /// Lets `sample` bring its instruments up to date when they are to be read, by asking somebody: not oftener than
    /// every few seconds, one question at a time, and not waited for long.
    pub fn sample<F>(&self, sample: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(inner) = &self.0 {
            locked(&inner.samples).push(Arc::new(Sample::new(sample)));
        }
    }

    /// All of it in Prometheus's text format.
    pub async fn render(&self) -> String {
        let Some(inner) = &self.0 else {
            return String::new();
        };
        let samples = locked(&inner.samples).clone();
        futures::future::join_all(samples.iter().map(super::sample::Sample::take)).await;
        let looks = locked(&inner.looks).clone();
        for look in looks {
            look();
        }
        TextEncoder::new()
            .encode_to_string(&inner.registry.gather())
            .expect("the catalogue's names are valid, and text can be written to memory")
    }

    /// The family of this definition, registered when it is first asked for.
    fn family(&self, definition: &Metric) -> Option<Family> {
        let inner = self.0.as_ref()?;
        let mut families = locked(&inner.families);
        if let Some(family) = families.get(definition.name) {
            return Some(family.clone());
        }
        let family = family_of(definition);
        let collector: Box<dyn Collector> = match family.clone() {
            Family::Counter(family) => Box::new(family),
            Family::Gauge(family) => Box::new(family),
            Family::Histogram(family) => Box::new(family),
        };
        let registered = inner.registry.register(collector);
        registered.expect("names are unique in the catalogue");
        families.insert(definition.name, family.clone());
        Some(family)
    }
}

fn family_of(definition: &Metric) -> Family {
    let labels: Vec<_> = definition.labels.iter().map(|label| label.name).collect();
    let valid = "the catalogue's names are valid";
    let mut opts = Opts::new(definition.name, definition.help);
    for (name, value) in definition.fixed {
        opts = opts.const_label(*name, *value);
    }
    let known = known_from_the_start(definition.labels);
    match definition.kind {
        Kind::Counter => {
            let family = CounterVec::new(opts, &labels).expect(valid);
            for value in known {
                let _ = family.with_label_values(&[*value]);
            }
            Family::Counter(family)
        }
        Kind::Gauge => Family::Gauge(GaugeVec::new(opts, &labels).expect(valid)),
        Kind::Histogram(bounds) => {
            let opts = HistogramOpts::from(opts).buckets(bounds.to_vec());
            let family = HistogramVec::new(opts, &labels).expect(valid);
            for value in known {
                let _ = family.with_label_values(&[*value]);
            }
            Family::Histogram(family)
        }
    }
}

fn known_from_the_start(labels: &'static [Label]) -> &'static [&'static str] {
    match labels {
        [
            Label {
                values: Values::OneOf(values),
                ..
            },
        ] if values.len() <= KNOWN_FROM_THE_START => values,
        _ => &[],
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
