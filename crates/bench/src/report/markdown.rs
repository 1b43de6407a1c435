//! The tables, ready for a document.

use std::fmt;

use super::row::{Figures, Row};
use super::{Figure, Report, mebibytes};
use crate::original::{self, Range};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "A {} build; {}.\n", self.profile, self.processors)?;
        if !self.rows.is_empty() {
            self.latencies(f)?;
            self.costs(f)?;
            self.comparison(f)?;
        }
        if !self.figures.is_empty() {
            figures(&self.figures, f)?;
        }
        self.memory(f)?;
        for fault in &self.faults {
            writeln!(f, "fault: {fault}")?;
        }
        Ok(())
    }
}

impl Report {
    fn latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| work | fixed rate /s | p50 | p99 | p99.9 | max. rate /s | load generator busy | refused |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
        for row in &self.rows {
            line(f, row.what, row.steady.as_ref(), &row.full)?;
            if let Some(bare) = &row.baseline {
                let name = format!("– {}", bare.name);
                line(f, &name, bare.steady.as_ref(), &bare.full)?;
            }
        }
        writeln!(f)
    }

    fn costs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| work | CPU µs per request | services | all |")?;
        writeln!(f, "|---|---|--:|--:|")?;
        for row in &self.rows {
            cost(f, row.what, &row.full)?;
            if let Some(bare) = &row.baseline {
                cost(f, &format!("– {}", bare.name), &bare.full)?;
            }
        }
        writeln!(f)
    }

    fn comparison(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| work | share of the baseline's rate | baseline's share of the CPU time | original's services, µs | times less | original's total, µs | times less | original's rate | times more |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        for row in &self.rows {
            compared(f, row)?;
        }
        writeln!(f)
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| process | working set when ready, MiB | at the end | mapped files at the end |"
        )?;
        writeln!(f, "|---|--:|--:|--:|")?;
        let ours = self.services_memory();
        for memory in self.memory.iter().chain([&ours]) {
            let [idle, after, files] = [memory.idle, memory.after, memory.files].map(mebibytes);
            let process = &memory.process;
            writeln!(f, "| {process} | {idle:.1} | {after:.1} | {files:.1} |")?;
        }
        let (idle, after) = original::RESIDENT;
        writeln!(
            f,
            "| the original's five (resident set, mapped files included) | {idle} | {after} | |"
        )
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    steady: Option<&Figures>,
    full: &Figures,
) -> fmt::Result {
    let (rate, busy, refused) = (full.rate, full.load * 100.0, full.refused);
    match steady {
        None => writeln!(f, "| {what} | | | | | {rate:.0} | {busy:.0}% | {refused} |"),
        Some(steady) => writeln!(
            f,
            "| {what} | {:.0} | {} | {} | {} | {rate:.0} | {busy:.0}% | {} |",
            steady.fixed_rate.unwrap_or_default(),
            time(steady.p50),
            time(steady.p99),
            time(steady.p999),
            refused + steady.refused,
        ),
    }
}

/// Microseconds as milliseconds.
fn time(microseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let milliseconds = microseconds as f64 / 1e3;
    if milliseconds < 10.0 {
        format!("{milliseconds:.2} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}

/// Processes with less CPU time per request (µs) are not shown.
const SHOWN_COST: f64 = 0.5;

fn cost(f: &mut fmt::Formatter<'_>, what: &str, figures: &Figures) -> fmt::Result {
    let each: Vec<_> = figures
        .cost
        .iter()
        .filter(|(_, cost)| **cost >= SHOWN_COST)
        .map(|(name, cost)| format!("{name} {cost:.0}"))
        .collect();
    let (services, everything) = (figures.services, figures.everything);
    let each = each.join(", ");
    writeln!(f, "| {what} | {each} | {services:.0} | {everything:.0} |")
}

fn compared(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
    let (full, original) = (&row.full, &row.original);
    let share = row.baseline.as_ref().map_or(String::new(), |bare| {
        let target = bare.target.map_or(String::new(), |target| {
            format!(" (target {:.0}%)", target * 100.0)
        });
        format!("{:.0}%{target}", bare.share * 100.0)
    });
    let spent = row.baseline.as_ref().map_or(String::new(), |bare| {
        format!("{:.0}%", bare.full.everything * 100.0 / full.everything)
    });
    writeln!(
        f,
        "| {} | {share} | {spent} | {} | {} | {} |",
        row.what,
        less(original.services, full.services),
        less(original.everything, full.everything),
        more(original.rate, full.rate),
    )
}

/// The original's cost, and its best and worst case as a multiple of ours.
fn less(original: Option<Range>, ours: f64) -> String {
    let Some(original) = original else {
        return " | ".to_owned();
    };
    let Range(best, worst) = original;
    format!("{original} | {}", spread(best / ours, worst / ours))
}

fn more(original: Option<Range>, ours: f64) -> String {
    let Some(original) = original else {
        return " | ".to_owned();
    };
    let Range(best, worst) = original;
    format!("{original} | {}", spread(ours / best, ours / worst))
}

fn spread(low: f64, high: f64) -> String {
    if (high - low).abs() < 0.05 {
        format!("{low:.1}")
    } else {
        format!("{low:.1}–{high:.1}")
    }
}

fn figures(figures: &[Figure], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "| scenario | figure | value | the original |")?;
    writeln!(f, "|---|---|--:|---|")?;
    for figure in figures {
        let Figure {
            scenario,
            what,
            value,
            unit,
            original,
        } = figure;
        let digits = if *value < 100.0 && value.fract() > 0.0 {
            2
        } else {
            0
        };
        let original = original.as_deref().unwrap_or_default();
        writeln!(
            f,
            "| {scenario} | {what} | {value:.digits$} {unit} | {original} |"
        )?;
    }
    writeln!(f)
}
