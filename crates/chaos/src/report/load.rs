//! The load of the run.

use std::fmt;

use super::{Report, grouped, wrapped};
use crate::load::Outcome;

const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::Done, "done"),
    (Outcome::Refused, "refused"),
    (Outcome::Unavailable, "unavailable"),
    (Outcome::NoAnswer, "no answer"),
];

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    write!(f, "{:<18}", "Load")?;
    for (_, name) in OUTCOMES {
        write!(f, "{name:>13}")?;
    }
    writeln!(f, "   by status")?;
    for (operation, requests) in &report.load.requests {
        write!(f, "  {operation:<16}")?;
        for (outcome, _) in OUTCOMES {
            write!(f, "{:>13}", grouped(requests.ended(outcome)))?;
        }
        let statuses = requests
            .by_status
            .iter()
            .filter(|(status, _)| **status >= 400);
        let statuses: Vec<_> = statuses
            .map(|(status, count)| format!("{status}: {count}"))
            .collect();
        writeln!(f, "   {}", statuses.join(" "))?;
    }
    let scenarios = report.load.scenarios.iter();
    let scenarios: Vec<_> = scenarios
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    wrapped(f, "  scenarios  ", &scenarios.join(", "))?;
    let (all, counted) = (&report.load, report.acknowledgements());
    let message = format!(
        "{} accounts, {} tickets, {} orders: {} payments, {} cancelled, {} seen to expire; {} events",
        counted.accounts,
        counted.tickets,
        counted.placed,
        counted.paid,
        counted.cancelled,
        all.expired,
        grouped(report.verdict.events),
    );
    wrapped(f, "  done       ", &message)?;
    writeln!(f)
}
