//! The faults of the run.

use std::fmt;

use super::{Report, wrapped};

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f, "Faults, in seconds since the start of the load")?;
    for injection in &report.injections {
        let began = injection.began.as_secs_f64();
        let healed = injection
            .healed
            .map_or("?".to_owned(), |at| format!("{:.1}", at.as_secs_f64()));
        let fault = injection.fault;
        let (kind, target) = (fault.kind, fault.target.to_string());
        write!(f, "  {began:>6.1} – {healed:>5}   {kind:<16} {target}")?;
        match &injection.remark {
            Some(remark) => writeln!(f, ", {remark}")?,
            None => writeln!(f)?,
        }
        if let Some(failed) = &injection.failed {
            wrapped(f, "                   FAILED: ", failed)?;
        }
    }
    if !report.left_out.is_empty() {
        let left_out: Vec<_> = report.left_out.iter().map(ToString::to_string).collect();
        wrapped(f, "  no time for: ", &left_out.join(", "))?;
    }
    writeln!(f)
}
