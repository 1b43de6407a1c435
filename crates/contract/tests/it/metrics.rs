//! The metrics of all services follow Prometheus's conventions, and `infra/metrics.md` lists them.

mod page;

use std::collections::HashSet;

use telemetry::metrics::{Kind, Metric, Section, Unit, Values, catalogue};

/// The metrics of all services, in the page's order.
const SECTIONS: [Section; 9] = [
    web::METRICS,
    messaging::METRICS,
    mongo::METRICS,
    tickets::METRICS,
    orders::METRICS,
    payments::METRICS,
    expiration::METRICS,
    auth::METRICS,
    catalogue::METRICS,
];

fn all() -> impl Iterator<Item = &'static Metric> {
    SECTIONS
        .into_iter()
        .flat_map(|section| section.metrics)
        .copied()
}

#[test]
fn every_name_is_declared_once() {
    let mut seen = HashSet::new();
    for metric in all() {
        assert!(
            seen.insert(metric.name),
            "{} is declared twice",
            metric.name
        );
    }
}

#[test]
fn names_follow_the_rules_of_prometheus() {
    for Metric {
        name, kind, unit, ..
    } in all()
    {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(is_allowed), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        let stem = name.strip_suffix("_total").unwrap_or(name);
        if *unit == Unit::Number {
            let units = ["_seconds", "_bytes", "_cents"];
            assert!(!units.iter().any(|unit| stem.ends_with(unit)), "{name}");
        } else {
            assert!(
                stem.ends_with(unit.as_str()),
                "{name} is in {}",
                unit.as_str()
            );
        }
    }
}

#[test]
fn histogram_bounds_increase() {
    for metric in all() {
        if let Kind::Histogram(bounds) = metric.kind {
            assert!(bounds.is_sorted_by(|a, b| a < b), "{}", metric.name);
        }
    }
}

#[test]
fn every_metric_has_a_help_sentence_and_every_label_is_bounded() {
    for Metric {
        name, help, labels, ..
    } in all()
    {
        assert!(help.ends_with('.'), "{name}");
        for label in *labels {
            match label.values {
                Values::OneOf(values) => assert!(!values.is_empty(), "{name}"),
                Values::Bounded(by) => assert!(!by.is_empty(), "{name}"),
            }
        }
    }
}
