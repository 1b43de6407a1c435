//! The trace of an order as tables.

use std::time::Duration;

use console::style;

use super::Trace;
use super::timeline::Moment;
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
        for moment in &trace.timeline {
            table.row([
                when(moment),
                since(first.at, moment.at),
                moment.service.clone(),
                moment.what.clone(),
                event(moment),
                moment.details.clone(),
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
    for words in &trace.unknown {
        output.line(lines("not looked at: ", words, output.width()))?;
    }
    Ok(())
}

/// The time without what is not known of it.
fn when(moment: &Moment) -> String {
    let text = moment.at.to_string().replace('T', " ");
    let digits = if moment.to_the_second { 19 } else { 23 };
    text.chars().take(digits).collect()
}

/// Its number, and how long it took to be published.
fn event(moment: &Moment) -> String {
    let Some(sequence) = moment.sequence else {
        return String::new();
    };
    let late = moment.published_after_milliseconds.unwrap_or_default();
    let late = age(Duration::from_millis(late));
    match moment.told {
        Some(times) if times > 1 => format!("#{sequence} after {late}, told {times} times"),
        _ => format!("#{sequence} after {late}"),
    }
}
