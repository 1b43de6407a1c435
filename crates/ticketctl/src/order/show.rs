//! The trace of an order as tables.

use std::time::Duration;

use console::style;

use super::Trace;
use super::timeline::Step;
use crate::failure::Failure;
use crate::output::{Output, Table, age, lines, since};

pub(super) fn print(output: &Output, trace: &Trace) -> Result<(), Failure> {
    output.line(style(format!("Order {}", trace.order)).bold().to_string())?;
    if let Some(first) = trace.timeline.first() {
        let mut table = Table::new(&[
            "WHEN (UTC)",
            ">SINCE",
            "SERVICE",
            "WHAT",
            "EVENT",
            "DETAILS",
        ]);
        for step in &trace.timeline {
            table.row([
                when(step),
                since(first.at, step.at),
                step.service.clone(),
                step.what.clone(),
                event(step),
                step.details.clone(),
            ]);
        }
        output.table(&table)?;
    }
    if !trace.now.is_empty() {
        let mut table = Table::new(&["NOW IN", "DOCUMENT", "ID", "STATE"]);
        for document in &trace.now {
            table.row([
                document.service.to_owned(),
                document.document.to_owned(),
                document.id.clone(),
                document.state.clone(),
            ]);
        }
        output.line("")?;
        output.table(&table)?;
    }
    for reason in &trace.unknown {
        output.line(lines("not read: ", reason, output.width()))?;
    }
    Ok(())
}

/// The time, as exactly as it is known.
fn when(step: &Step) -> String {
    let text = step.at.to_string().replace('T', " ");
    let digits = if step.to_the_second { 19 } else { 23 };
    text.chars().take(digits).collect()
}

/// The event's sequence number, and how long it took to be published.
fn event(step: &Step) -> String {
    let Some(sequence) = step.sequence else {
        return String::new();
    };
    let late = step.published_after_milliseconds.unwrap_or_default();
    let late = age(Duration::from_millis(late));
    match step.times_published {
        Some(times) if times > 1 => format!("#{sequence} after {late}, published {times} times"),
        _ => format!("#{sequence} after {late}"),
    }
}
