//! A strict parser of Prometheus's text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>), and a comparison with the
//! catalogue.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use telemetry::metrics::catalogue::{ALL, Kind, Label, Metric, Values};

/// The metrics of one process at one time.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// The type of each metric, by its name.
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
    /// Parses a response.
    ///
    /// # Errors
    /// If a line is malformed, a metric has no type, or a series occurs twice.
    pub fn read(text: &str) -> Result<Self> {
        let mut scrape = Self::default();
        let mut seen = HashSet::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').with_context(|| line.to_owned())?;
                let before = scrape.kinds.insert(name.to_owned(), kind.to_owned());
                ensure!(before.is_none(), "{name} occurs twice");
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
                ensure!(seen.insert(series), "{series} occurs twice");
                scrape.samples.push(Sample::read(series, value)?);
            }
        }
        for sample in &scrape.samples {
            ensure!(
                scrape.kinds.contains_key(sample.stem()),
                "{sample:?} has no type"
            );
        }
        Ok(scrape)
    }

    /// The sum of the series of this name with at least these labels; 0 if there are none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let matches = |sample: &&Sample| {
            let mut wanted = labels.iter();
            sample.name == name
                && wanted.all(|(name, value)| {
                    sample.labels.get(*name).is_some_and(|found| found == value)
                })
        };
        self.samples
            .iter()
            .filter(matches)
            .map(|sample| sample.value)
            .sum()
    }

    /// As [`Scrape::sum`], for counts.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are whole and not negative"
    )]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.sum(name, labels) as u64
    }

    /// Whether a series has this name.
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
    /// If a series is not declared, or has another type, other labels or other values than declared.
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

    /// The metric's name, without the suffix of a histogram's series.
    fn stem(&self) -> &str {
        let suffixes = ["_bucket", "_sum", "_count"];
        let stem = suffixes
            .iter()
            .find_map(|suffix| self.name.strip_suffix(suffix));
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
        ensure!(labels.is_empty(), "{self:?} has undeclared labels");
        Ok(())
    }
}

fn read_labels(mut text: &str) -> Result<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").context("no value")?;
        let end = rest.find('"').context("no end of the value")?;
        let (value, rest) = rest.split_at(end);
        // No value of ours needs an escape.
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
    fn a_declared_metric_passes() {
        let text =
            "# HELP process_threads Threads.\n# TYPE process_threads gauge\nprocess_threads 3\n";
        let scrape = Scrape::read(text).unwrap();
        scrape.check().unwrap();
        assert!((scrape.sum("process_threads", &[]) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn an_undeclared_metric_type_or_label_is_found() {
        for text in [
            "# TYPE unknown gauge\nunknown 1\n",
            "# TYPE process_threads counter\nprocess_threads 3\n",
            "# TYPE process_threads gauge\nprocess_threads{path=\"/secret\"} 3\n",
        ] {
            assert!(Scrape::read(text).unwrap().check().is_err(), "{text}");
        }
    }

    #[test]
    fn malformed_text_is_rejected() {
        for text in [
            "process_threads 3\n",
            "# TYPE a gauge\na\n",
            "# TYPE a gauge\na 1\na 2\n",
        ] {
            assert!(Scrape::read(text).is_err(), "{text}");
        }
    }
}
