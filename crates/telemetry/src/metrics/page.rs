//! The page that documents the catalogue, `infra/metrics.md`.

use std::fmt::Write;

use super::catalogue::{ALL, Section};
use super::metric::{Kind, Label, Metric, Values};

const HEAD: &str = "\
# Metrics

<!-- Made of crates/service/src/metrics/catalogue by `UPDATE_PAGES=1 cargo test -p service metrics::page`; do not edit. -->

Every service answers `/metrics` on its admin port (`ADMIN_PORT`, 9000) in Prometheus's text format. These are all the
metrics that there are, and all that their labels may say. A counter or histogram whose label has up to 16 known values is
there with all of them from the start; of other labelled metrics, a series is there once it was used. Numbers are those of
one process. A gauge that cannot be told at present, since the database does not answer, is `NaN`.
";

/// The whole page.
#[must_use]
pub fn render() -> String {
    let mut page = HEAD.to_owned();
    for section in ALL {
        add_section(&mut page, &section);
    }
    page
}

fn add_section(page: &mut String, section: &Section) {
    let Section {
        title,
        exposed_by,
        metrics,
    } = section;
    add(
        page,
        format_args!("\n## {title}\n\nExposed by {exposed_by}.\n"),
    );
    for metric in *metrics {
        add_metric(page, metric);
    }
}

fn add_metric(page: &mut String, metric: &Metric) {
    add(
        page,
        format_args!("\n### `{}`\n\n{}\n\n", metric.name, metric.help),
    );
    let (kind, unit) = (metric.kind.as_str(), metric.unit.as_str());
    if unit.is_empty() {
        add(page, format_args!("- {kind}\n"));
    } else {
        add(page, format_args!("- {kind}, in {unit}\n"));
    }
    for label in metric.labels {
        add_label(page, label);
    }
    for (name, value) in metric.fixed {
        add(page, format_args!("- `{name}`: always `{value}`\n"));
    }
    if let Kind::Histogram(bounds) = metric.kind {
        let bounds: Vec<_> = bounds.iter().map(f64::to_string).collect();
        add(page, format_args!("- buckets: {}\n", bounds.join(", ")));
    }
}

fn add_label(page: &mut String, Label { name, values }: &Label) {
    match values {
        Values::OneOf(values) => {
            let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
            add(page, format_args!("- `{name}`: {}\n", values.join(", ")));
        }
        Values::Bounded(by) => add(page, format_args!("- `{name}`: {by}\n")),
    }
}

fn quoted(value: &str) -> String {
    if value.is_empty() {
        "empty".to_owned()
    } else {
        format!("`{value}`")
    }
}

fn add(page: &mut String, words: std::fmt::Arguments<'_>) {
    page.write_fmt(words)
        .expect("text can be written to memory");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_page_of_the_metrics_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/metrics.md");
        let rendered = super::render();
        if std::env::var_os("UPDATE_PAGES").is_some() {
            fs::write(&path, &rendered).unwrap();
        }
        let page = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            page == rendered,
            "infra/metrics.md is not what the catalogue says; run this test with UPDATE_PAGES=1"
        );
    }
}
