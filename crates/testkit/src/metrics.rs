//! What a service says of itself in Prometheus's text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>), read strictly and compared with the
//! catalogue.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use telemetry::metrics::catalogue::{ALL, Kind, Label, Metric, Values};

/// The metrics of one process at one moment.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// The kind of each metric, by its name.
    kinds: BTreeMap<String, String>,
    samples: Vec<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    /// Reads what a service answered.
    ///
    /// # Errors
    /// If a line is not of the format, a metric has no kind, or a series is there twice.
    pub fn read(text: &str) -> Result<Self> {
        let mut scrape = Self::default();
        let mut seen = HashSet::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').with_context(|| line.to_owned())?;
                let before = scrape.kinds.insert(name.to_owned(), kind.to_owned());
                ensure!(before.is_none(), "{name} is there twice");
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
                ensure!(seen.insert(series), "{series} is there twice");
                scrape.samples.push(Sample::read(series, value)?);
            }
        }
        for sample in &scrape.samples {
            ensure!(
                scrape.kinds.contains_key(sample.stem()),
                "{sample:?} has no kind"
            );
        }
        Ok(scrape)
    }

    /// The sum of the series of this name whose labels say this and maybe more; 0 if there are none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let says = |sample: &&Sample| {
            let mut wanted = labels.iter();
            sample.name == name
                && wanted
                    .all(|(name, value)| sample.labels.get(*name).is_some_and(|it| it == value))
        };
        self.samples
            .iter()
            .filter(says)
            .map(|sample| sample.value)
            .sum()
    }

    /// The same of what is counted in whole numbers.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of things are whole and not negative"
    )]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.sum(name, labels) as u64
    }

    /// Whether any series of this name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|sample| sample.name == name)
    }

    /// Every value of this label.
    #[must_use]
    pub fn values_of(&self, label: &str) -> Vec<&str> {
        let values = self
            .samples
            .iter()
            .filter_map(|sample| sample.labels.get(label));
        values.map(String::as_str).collect()
    }

    /// Compares every series with the catalogue.
    ///
    /// # Errors
    /// If one is not declared there, is of another kind, or has other labels or values than are declared.
    pub fn check(&self) -> Result<()> {
        for sample in &self.samples {
            let metric = declared(sample.stem())?;
            let kind = &self.kinds[sample.stem()];
            ensure!(kind == metric.kind.as_str(), "{} is a {kind}", metric.name);
            sample.check(metric)?;
        }
        Ok(())
    }
}

fn declared(name: &str) -> Result<&'static Metric> {
    let mut all = ALL.into_iter().flat_map(|section| section.metrics.iter());
    let metric = all.find(|metric| metric.name == name);
    metric
        .copied()
        .with_context(|| format!("{name} is not declared"))
}

impl Sample {
    fn read(series: &str, value: &str) -> Result<Self> {
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').context("no end")?),
            None => (series, ""),
        };
        Ok(Self {
            name: name.to_owned(),
            labels: read_labels(labels).with_context(|| series.to_owned())?,
            value: value.parse()?,
        })
    }

    /// The metric's name, without what a histogram's series have behind it.
    fn stem(&self) -> &str {
        let ends = ["_bucket", "_sum", "_count"];
        let stem = ends.iter().find_map(|end| self.name.strip_suffix(end));
        stem.filter(|stem| {
            declared(stem).is_ok_and(|metric| matches!(metric.kind, Kind::Histogram(_)))
        })
        .unwrap_or(&self.name)
    }

    fn check(&self, metric: &Metric) -> Result<()> {
        let mut labels = self.labels.clone();
        labels.remove("le");
        for (name, value) in metric.fixed {
            ensure!(labels.remove(*name).as_deref() == Some(*value), "{self:?}");
        }
        for Label { name, values } in metric.labels {
            let value = labels
                .remove(*name)
                .with_context(|| format!("{self:?} has no {name}"))?;
            if let Values::OneOf(known) = values {
                ensure!(known.contains(&value.as_str()), "{self:?}");
            }
        }
        ensure!(labels.is_empty(), "{self:?} says more than is declared");
        Ok(())
    }
}

fn read_labels(mut text: &str) -> Result<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").context("no value")?;
        let end = rest.find('"').context("no end of the value")?;
        let (value, rest) = rest.split_at(end);
        // Nothing that we say of ourselves needs to be escaped.
        if value.contains('\\') {
            bail!("an escaped value");
        }
        labels.insert(name.to_owned(), value.to_owned());
        let rest = &rest[1..];
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_passes() {
        let text =
            "# HELP process_threads Threads.\n# TYPE process_threads gauge\nprocess_threads 3\n";
        let scrape = Scrape::read(text).unwrap();
        scrape.check().unwrap();
        assert!((scrape.sum("process_threads", &[]) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_not_declared_is_found() {
        for text in [
            "# TYPE unknown gauge\nunknown 1\n",
            "# TYPE process_threads counter\nprocess_threads 3\n",
            "# TYPE process_threads gauge\nprocess_threads{path=\"/secret\"} 3\n",
        ] {
            assert!(Scrape::read(text).unwrap().check().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_of_the_format_is_refused() {
        for text in [
            "process_threads 3\n",
            "# TYPE a gauge\na\n",
            "# TYPE a gauge\na 1\na 2\n",
        ] {
            assert!(Scrape::read(text).is_err(), "{text}");
        }
    }
}
