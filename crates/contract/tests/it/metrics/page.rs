//! `infra/metrics.md`, rendered from the declarations.

use std::env;
use std::fmt::{self, Write};
use std::fs;
use std::path::Path;

use telemetry::metrics::{Kind, Label, Metric, Section, Values};

use super::SECTIONS;

const HEAD: &str = "\
# Metrics

<!-- Generated from the declarations by `UPDATE_PAGES=1 cargo test -p contract metrics::page`; do not edit. -->

Every service serves `/metrics` on its admin port (`ADMIN_PORT`, 9000) in Prometheus's text format. This page lists all
metrics, labels and label values. A counter or histogram with a single label of at most 16 known values has a series for
each value from the start; other labelled metrics get a series when it is first used. Numbers are those of one process. A
gauge is `NaN` while its value is unknown, for example because the database does not respond.
";

#[test]
fn the_page_lists_the_declared_metrics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/metrics.md");
    let mut rendered = HEAD.to_owned();
    for section in &SECTIONS {
        add_section(&mut rendered, section);
    }
    if env::var_os("UPDATE_PAGES").is_some() {
        fs::write(&path, &rendered).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == rendered,
        "infra/metrics.md is out of date; run this test with UPDATE_PAGES=1"
    );
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

fn add(page: &mut String, text: fmt::Arguments<'_>) {
    page.write_fmt(text)
        .expect("writing to memory does not fail");
}
