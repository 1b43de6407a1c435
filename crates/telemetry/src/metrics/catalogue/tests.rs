use std::collections::HashSet;

use common::Subject;

use super::messaging::SUBJECT_NAMES;
use super::{ALL, Kind, Metric, Unit, Values};

fn all() -> impl Iterator<Item = &'static Metric> {
    ALL.into_iter()
        .flat_map(|section| section.metrics.iter().copied())
}

#[test]
fn every_name_is_declared_once() {
    let mut seen = HashSet::new();
    for metric in all() {
        assert!(seen.insert(metric.name), "{} is there twice", metric.name);
    }
}

#[test]
fn names_follow_the_rules_of_prometheus() {
    for Metric {
        name, kind, unit, ..
    } in all()
    {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(word), "{name}");
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
fn bounds_of_histograms_grow() {
    for metric in all() {
        if let Kind::Histogram(bounds) = metric.kind {
            assert!(bounds.is_sorted_by(|a, b| a < b), "{}", metric.name);
        }
    }
}

#[test]
fn every_meaning_is_a_sentence_and_every_label_is_bounded() {
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

#[test]
fn the_subjects_are_the_fleets() {
    let subjects = Subject::ALL.map(Subject::as_str);
    assert_eq!(SUBJECT_NAMES.split_last(), Some((&"other", &subjects[..])));
}
