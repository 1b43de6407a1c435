//! A strict parser of Prometheus's text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, bail, ensure};

/// The metrics of one process at one time.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
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
        let (mut kinds, mut seen) = (BTreeMap::new(), HashSet::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').with_context(|| line.to_owned())?;
                let before = kinds.insert(name, kind);
                ensure!(before.is_none(), "{name} occurs twice");
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
                ensure!(seen.insert(series), "{series} occurs twice");
                scrape.samples.push(Sample::read(series, value)?);
            }
        }
        for sample in &scrape.samples {
            let name = sample.name.as_str();
            let is_histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|suffix| name.strip_suffix(suffix))
                .any(|stem| kinds.get(stem) == Some(&"histogram"));
            ensure!(
                is_histogram || kinds.contains_key(name),
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
    fn series_are_summed_by_their_labels() {
        let text = "# HELP a Things.\n# TYPE a gauge\na{b=\"c\",d=\"e\"} 3\na{b=\"f\",d=\"e\"} 4\n";
        let scrape = Scrape::read(text).unwrap();
        assert_eq!(scrape.count("a", &[("d", "e")]), 7);
        assert_eq!(scrape.count("a", &[("b", "c")]), 3);
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
