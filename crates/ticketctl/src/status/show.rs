//! The status as tables.

use std::time::Duration;

use console::style;

use super::Status;
use crate::failure::Failure;
use crate::output::{Output, Table, age, lines};

pub(super) fn print(output: &Output, status: &Status) -> Result<(), Failure> {
    services(output, status)?;
    if !status.streams.is_empty() {
        streams(output, status)?;
        consumers(output, status)?;
    }
    if !status.outboxes.is_empty() {
        outboxes(output, status)?;
    }
    if let Some(queue) = &status.queue {
        let mut table = Table::new(&[
            ">JOBS",
            ">SCHEDULED",
            ">AVAILABLE",
            ">DEAD",
            ">OVERDUE",
            "FOR",
        ]);
        table.row([
            queue.jobs.to_string(),
            queue.scheduled.to_string(),
            queue.available.to_string(),
            queue.dead.to_string(),
            queue.overdue.to_string(),
            span(queue.overdue_milliseconds),
        ]);
        titled(output, "Expirations", &table)?;
    }
    end(output, status)
}

fn services(output: &Output, status: &Status) -> Result<(), Failure> {
    let mut table = Table::new(&["SERVICE", "STATE", "VERSION", "CHECKS", "AT"]);
    for service in &status.services {
        let state = if service.is_ready() {
            style(&service.state).green()
        } else {
            style(&service.state).red().bold()
        };
        let checks = service.checks.iter();
        let checks: Vec<_> = checks
            .map(|(name, result)| format!("{name} {result}"))
            .collect();
        table.row([
            service.service.to_owned(),
            state.to_string(),
            service.version.clone().unwrap_or_else(|| "-".to_owned()),
            checks.join(", "),
            service.url.clone(),
        ]);
    }
    output.table(&table)
}

fn streams(output: &Output, status: &Status) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "STREAM",
        ">MESSAGES",
        ">KIB",
        ">FIRST",
        ">LAST",
        ">REPLICAS",
    ]);
    for stream in &status.streams {
        table.row([
            stream.name.clone(),
            stream.messages.to_string(),
            (stream.bytes / 1_024).to_string(),
            stream.first_sequence.to_string(),
            stream.last_sequence.to_string(),
            stream.replicas.to_string(),
        ]);
    }
    titled(output, "", &table)
}

fn consumers(output: &Output, status: &Status) -> Result<(), Failure> {
    let heading = [
        "CONSUMER",
        ">WAITING",
        ">IN HAND",
        ">REDELIVERED",
        ">DONE UP TO",
        "LAG",
    ];
    let mut table = Table::new(&heading);
    for consumer in &status.consumers {
        table.row([
            consumer.name.to_owned(),
            consumer.waiting.to_string(),
            consumer.in_hand.to_string(),
            consumer.redelivered.to_string(),
            consumer.done_up_to.to_string(),
            if consumer.exists {
                span(consumer.lag_milliseconds)
            } else {
                style("absent").red().to_string()
            },
        ]);
    }
    titled(output, "", &table)
}

fn outboxes(output: &Output, status: &Status) -> Result<(), Failure> {
    let mut table = Table::new(&["OUTBOX", ">DOCUMENTS", "OLDEST"]);
    for outbox in &status.outboxes {
        table.row([
            outbox.database.to_owned(),
            outbox.documents.to_string(),
            span(outbox.oldest_milliseconds),
        ]);
    }
    titled(output, "", &table)
}

fn end(output: &Output, status: &Status) -> Result<(), Failure> {
    if let Some(dead_letters) = status.dead_letters {
        output.line(format!("\nDead letters: {dead_letters}"))?;
    }
    for reason in &status.unknown {
        output.line(lines("not read: ", reason, output.width()))?;
    }
    if status.problems.is_empty() {
        return output.line(style("All is well.").green().to_string());
    }
    output.line(style("\nProblems").bold().to_string())?;
    for problem in &status.problems {
        output.line(lines("- ", problem, output.width()))?;
    }
    Ok(())
}

fn titled(output: &Output, title: &str, table: &Table) -> Result<(), Failure> {
    output.line("")?;
    if !title.is_empty() {
        output.line(title)?;
    }
    output.table(table)
}

fn span(milliseconds: Option<u64>) -> String {
    match milliseconds {
        None | Some(0) => "-".to_owned(),
        Some(milliseconds) => age(Duration::from_millis(milliseconds)),
    }
}
