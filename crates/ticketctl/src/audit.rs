//! `audit`: checks the invariants in a fleet at work, with the checker of chaos runs.

use audit::live::{Report, Settings, audit};
use audit::{Invariant, Violation};
use console::style;
use serde::Serialize;

use crate::command_line::Audit;
use crate::connections::Connections;
use crate::failure::{Failure, Finding};
use crate::output::{Output, age, lines};

/// The JSON output.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// `sound`, `violated`, or `undecided` if there is no certain violation and some findings kept changing.
    verdict: &'static str,
    invariants: Vec<ShownInvariant>,
    violations: Vec<ShownViolation>,
    undecided: Vec<ShownViolation>,
    /// The number of findings that were in transit and are gone.
    settled: usize,
    /// Whether there were more findings than the limit.
    crowded: bool,
    took_milliseconds: u128,
}

#[derive(Debug, Serialize)]
struct ShownInvariant {
    invariant: &'static str,
    rule: &'static str,
    checked: String,
    violations: usize,
}

#[derive(Debug, Serialize)]
struct ShownViolation {
    invariant: &'static str,
    entities: Vec<String>,
    words: String,
}

pub(crate) async fn run(
    connections: &Connections,
    output: &Output,
    settings: &Audit,
) -> Result<Finding, Failure> {
    let access = connections.everything()?;
    let settings = Settings {
        stripe: connections.stripe(),
        stream: !settings.no_stream,
    };
    let progress = |text: &str| output.progress(text);
    let report = audit(&access, &settings, &progress).await;
    output.end_progress();
    let shown = Shown::of(report?);
    if output.is_json() {
        output.json(&shown)?;
    } else {
        print(output, &shown)?;
    }
    Ok(Finding::wrong_if(!shown.violations.is_empty()))
}

impl Shown {
    fn of(report: Report) -> Self {
        let of = |invariant: Invariant| {
            let found = report.violations.iter();
            found
                .filter(|violation| violation.invariant == invariant)
                .count()
        };
        let invariants = report
            .checked
            .iter()
            .map(|(invariant, checked)| ShownInvariant {
                invariant: invariant.code(),
                rule: invariant.rule(),
                checked: checked.clone(),
                violations: of(*invariant),
            });
        let invariants = invariants.collect();
        let verdict = match (report.violations.is_empty(), report.undecided.is_empty()) {
            (false, _) => "violated",
            (true, false) => "undecided",
            (true, true) => "sound",
        };
        Self {
            verdict,
            invariants,
            violations: report.violations.into_iter().map(shown).collect(),
            undecided: report.undecided.into_iter().map(shown).collect(),
            settled: report.settled,
            crowded: report.crowded,
            took_milliseconds: report.took.as_millis(),
        }
    }
}

fn shown(violation: Violation) -> ShownViolation {
    ShownViolation {
        invariant: violation.invariant.code(),
        entities: violation.entities,
        words: violation.message,
    }
}

fn print(output: &Output, shown: &Shown) -> Result<(), Failure> {
    for invariant in &shown.invariants {
        let verdict = match invariant.violations {
            0 => style("holds   ".to_owned()).green(),
            _ => style("VIOLATED".to_owned()).red().bold(),
        };
        output.line(format!(
            "{}  {verdict}  {}",
            invariant.invariant, invariant.rule
        ))?;
        let checked = lines(&" ".repeat(14), &invariant.checked, output.width());
        output.line(style(checked).dim().to_string())?;
    }
    findings(output, "VIOLATED", &shown.violations)?;
    findings(
        output,
        "undecided, because it kept changing",
        &shown.undecided,
    )?;
    if shown.crowded {
        output.line("There were more findings than the limit.")?;
    }
    let took = age(std::time::Duration::from_millis(
        u64::try_from(shown.took_milliseconds).unwrap_or(u64::MAX),
    ));
    let (found, settled) = (shown.violations.len(), shown.settled);
    output.line(format!(
        "\n{}: {found} violations, {settled} findings were in transit and are gone; took {took}",
        shown.verdict
    ))
}

fn findings(output: &Output, title: &str, found: &[ShownViolation]) -> Result<(), Failure> {
    if found.is_empty() {
        return Ok(());
    }
    output.line(format!("\n{}", style(title).bold()))?;
    for violation in found {
        let prefix = format!("  {} ", violation.invariant);
        output.line(lines(&prefix, &violation.words, output.width()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report(violations: Vec<Violation>, undecided: Vec<Violation>) -> Report {
        Report {
            violations,
            undecided,
            settled: 0,
            crowded: false,
            checked: vec![(Invariant::I1, "3 tickets".to_owned())],
            took: Duration::from_millis(5),
        }
    }

    fn violation() -> Violation {
        Violation {
            invariant: Invariant::I1,
            entities: vec!["a".to_owned()],
            message: "ticket a has two orders".to_owned(),
        }
    }

    #[test]
    fn a_violation_outweighs_undecided_findings() {
        let verdict = |report| Shown::of(report).verdict;
        assert_eq!(verdict(report(vec![], vec![])), "sound");
        assert_eq!(verdict(report(vec![], vec![violation()])), "undecided");
        assert_eq!(
            verdict(report(vec![violation()], vec![violation()])),
            "violated"
        );
    }

    #[test]
    fn the_shape_of_the_json_is_stable() {
        let shown = Shown::of(report(vec![violation()], vec![]));
        let expected = serde_json::json!({
            "verdict": "violated",
            "invariants": [{
                "invariant": "I1", "rule": "a ticket has at most one live owner", "checked": "3 tickets", "violations": 1,
            }],
            "violations": [{ "invariant": "I1", "entities": ["a"], "words": "ticket a has two orders" }],
            "undecided": [], "settled": 0, "crowded": false, "tookMilliseconds": 5,
        });
        assert_eq!(serde_json::to_value(&shown).unwrap(), expected);
    }
}
