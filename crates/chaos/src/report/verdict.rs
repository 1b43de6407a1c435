//! What was checked and found.

use std::collections::BTreeMap;
use std::fmt;

use super::{Report, grouped, wrapped};
use crate::checker::Violation;

/// How many findings of one kind are printed.
const PRINTED: usize = 10;

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f, "Checked")?;
    for (invariant, what) in &report.verdict.checked {
        writeln!(f, "  {invariant}")?;
        wrapped(f, "     ", what)?;
    }
    match report.verdict.agreed_after {
        Some(after) => {
            let seconds = after.as_secs_f64();
            writeln!(
                f,
                "  Everything agreed {seconds:.1} s after the end of the load.\n"
            )?;
        }
        None => writeln!(f, "  Not everything agreed in time.\n")?,
    }
    for (title, findings) in findings(report) {
        writeln!(f, "VIOLATED: {title}")?;
        for finding in findings.iter().take(PRINTED) {
            wrapped(f, "  - ", finding)?;
        }
        if findings.len() > PRINTED {
            let more = u64::try_from(findings.len() - PRINTED).unwrap_or(u64::MAX);
            writeln!(f, "  and {} more", grouped(more))?;
        }
        writeln!(f)?;
    }
    write_end(f, report)
}

/// All findings by the rule that they break.
fn findings(report: &Report) -> BTreeMap<String, Vec<String>> {
    let violations = report.verdict.violations.iter().chain(&report.seen);
    let violations = violations.map(|found| (found.invariant.to_string(), described(found)));
    let breaches = report.load.breaches.iter();
    let breaches = breaches.map(|breach| ("the contract of the API", breach.to_string()));
    let ends = report.faulty_ends.iter();
    let ends = ends.map(|message| ("processes run until they are stopped", brief(message)));
    let panics = report.load.panics.iter();
    let panics = panics.map(|message| ("the harness itself works", message.clone()));
    let others = breaches.chain(ends).chain(panics);
    let others = others.map(|(title, message)| (title.to_owned(), message));
    let mut findings = BTreeMap::<_, Vec<_>>::new();
    for (title, message) in violations.chain(others) {
        findings.entry(title).or_default().push(message);
    }
    findings
}

/// The first line of a process's obituary, which says how it ended, and its last error. The rest is in its log.
fn brief(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let complaint = message.lines().rfind(|line| line.contains("ERROR"));
    match complaint {
        Some(complaint) if complaint != first => format!("{first} {complaint}"),
        _ => first.to_owned(),
    }
}

fn described(violation: &Violation) -> String {
    format!("{} ({})", violation.message, violation.entities.join(", "))
}

fn write_end(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    match (report.faults_found(), report.failed_injections()) {
        (0, 0) if !report.proves_nothing() => writeln!(f, "0 violations.")?,
        (0, 0) => writeln!(f, "Too little happened: this run proves nothing.")?,
        (0, 1) => writeln!(f, "A fault did not happen as planned.")?,
        (0, failed) => writeln!(f, "{failed} faults did not happen as planned.")?,
        (1, _) => writeln!(f, "1 violation with seed {}.", report.seed)?,
        (found, _) => writeln!(f, "{found} violations with seed {}.", report.seed)?,
    }
    match &report.evidence {
        Some(folder) => writeln!(f, "Logs and findings are in {}", folder.display()),
        None => Ok(()),
    }
}
