//! The results of a run: Markdown tables for people, JSON for programs.

mod markdown;
mod row;

use std::time::Duration;

use serde::Serialize;
use testkit::usage;

use crate::lab::Lab;
pub(crate) use row::{Compared, Row};

/// The results of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How processors were divided.
    processors: String,
    /// `release` or `debug`.
    profile: &'static str,
    /// Figures of requests.
    rows: Vec<Row>,
    /// Other figures.
    figures: Vec<Figure>,
    /// The memory of each process.
    memory: Vec<Memory>,
    /// Failed scenarios, and processes that ended unexpectedly or did not stop cleanly.
    faults: Vec<String>,
}

/// The memory of a process in KiB, as [`testkit::usage`] defines it.
#[derive(Debug, Serialize)]
struct Memory {
    process: String,
    /// The working set once all were ready.
    idle: u64,
    /// The working set at the end.
    after: u64,
    /// Mapped files at the end.
    files: u64,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    scenario: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<String>,
}

impl Figure {
    pub(crate) fn new(
        scenario: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            scenario,
            what: what.into(),
            value,
            unit,
            original: None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn count(scenario: &'static str, what: impl Into<String>, count: u64) -> Self {
        Self::new(scenario, what, count as f64, "")
    }

    pub(crate) fn seconds(scenario: &'static str, what: impl Into<String>, time: Duration) -> Self {
        Self::new(scenario, what, time.as_secs_f64() * 1e3, "ms")
    }

    /// Adds the original's figure.
    pub(crate) fn original(mut self, original: impl Into<String>) -> Self {
        self.original = Some(original.into());
        self
    }
}

/// The results of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    rows: Vec<Row>,
    figures: Vec<Figure>,
}

impl Outcome {
    pub(crate) fn of_figures(figures: impl IntoIterator<Item = Figure>) -> Self {
        Self {
            figures: figures.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds a row.
    pub(crate) fn and(mut self, row: Row) -> Self {
        self.rows.push(row);
        self
    }
}

impl From<Row> for Outcome {
    fn from(row: Row) -> Self {
        Self::default().and(row)
    }
}

impl Report {
    pub(crate) fn of(lab: &Lab) -> Self {
        Self {
            processors: lab.processors.to_string(),
            profile: if lab.settings.release {
                "release"
            } else {
                "debug"
            },
            rows: Vec::new(),
            figures: Vec::new(),
            memory: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.rows.extend(outcome.rows);
        self.figures.extend(outcome.figures);
    }

    /// Measures each process's memory.
    pub(crate) fn end(&mut self, lab: &Lab) {
        let (after, files) = (
            lab.memory(usage::working_set),
            lab.memory(usage::mapped_files),
        );
        let all = lab.idle.iter().zip(after).zip(files);
        let all = all.map(|(((process, idle), (_, after)), (_, files))| Memory {
            process: process.clone(),
            idle: *idle,
            after,
            files,
        });
        self.memory = all.collect();
    }

    pub(crate) fn faults(&mut self, faults: Vec<String>) {
        self.faults = faults;
    }

    /// Whether there were no faults.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// All results as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names, numbers and lists of them")
    }

    /// The memory of the services that the original has too: all except the client.
    fn services_memory(&self) -> Memory {
        let ours = testkit::fleet::SERVICES;
        let ours = self
            .memory
            .iter()
            .filter(|memory| ours.contains(&&*memory.process) && memory.process != "client");
        let none = Memory {
            process: "**the five services**".to_owned(),
            idle: 0,
            after: 0,
            files: 0,
        };
        ours.fold(none, |all, one| Memory {
            process: all.process,
            idle: all.idle + one.idle,
            after: all.after + one.after,
            files: all.files + one.files,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1_024.0
}
