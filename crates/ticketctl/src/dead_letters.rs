//! `dead-letters`: lists, shows, replays and discards events that a consumer could not handle.
//!
//! Services write dead letters (`messaging`): the unchanged event, with headers for the consumer, the reason
//! and the number of tries.

mod stream;

use console::style;

use crate::command_line::Which;
use crate::connections::Connections;
use crate::failure::{Failure, Finding};
use crate::output::{Output, Table, age, lines};
use audit::access::now;
pub(crate) use stream::{DeadLetter, DeadLetterStream};

pub(crate) async fn list(
    connections: &Connections,
    output: &Output,
    limit: usize,
) -> Result<Finding, Failure> {
    let letters = DeadLetterStream::open(connections).await?;
    let (found, more) = letters.oldest(limit).await?;
    if output.is_json() {
        output.json(&found)?;
        return Ok(Finding::Fine);
    }
    if found.is_empty() {
        output.line("no dead letters")?;
        return Ok(Finding::Fine);
    }
    let heading = [
        ">NUMBER", "AGE", "CONSUMER", "EVENT", "ENTITY", ">TRIES", "REASON",
    ];
    let mut table = Table::new(&heading);
    for letter in found {
        table.row([
            letter.number.to_string(),
            age(now().since(letter.given_up_at)),
            letter.consumer,
            letter.event.subject,
            letter.event.entity.unwrap_or_else(|| "?".to_owned()),
            letter
                .tries
                .map_or_else(|| "?".to_owned(), |tries| tries.to_string()),
            letter.reason,
        ]);
    }
    output.table(&table)?;
    if more > 0 {
        output.line(format!("and {more} more (--limit)"))?;
    }
    Ok(Finding::Fine)
}

pub(crate) async fn show(
    connections: &Connections,
    output: &Output,
    number: u64,
) -> Result<Finding, Failure> {
    let letters = DeadLetterStream::open(connections).await?;
    let Some(letter) = letters.find(number).await? else {
        return missing(number);
    };
    if output.is_json() {
        output.json(&letter)?;
        return Ok(Finding::Fine);
    }
    let event = &letter.event;
    let tries = letter
        .tries
        .map_or_else(String::new, |tries| format!(" after {tries} tries"));
    let facts = [
        ("dead letter", number.to_string()),
        (
            "given up",
            format!("{} by {}{tries}", letter.given_up_at, letter.consumer),
        ),
        ("reason", letter.reason.clone()),
        (
            "event",
            format!("{}, {} in the stream", event.subject, event.sequence),
        ),
        ("happened", event.happened_at.to_string()),
        (
            "published by",
            event.source.clone().unwrap_or_else(|| "?".to_owned()),
        ),
        (
            "entity",
            event
                .entity
                .clone()
                .unwrap_or_else(|| "unreadable".to_owned()),
        ),
        (
            "trace",
            event.trace_id.clone().unwrap_or_else(|| "none".to_owned()),
        ),
    ];
    for (name, value) in facts {
        let name = style(format!("{name:<13}")).dim().to_string();
        output.line(lines(&name, &value, output.width()))?;
    }
    match event.body.as_str() {
        Some(text) => output.line(text)?,
        None => output.json(&event.body)?,
    }
    Ok(Finding::Fine)
}

pub(crate) async fn replay(
    connections: &Connections,
    output: &Output,
    which: &Which,
) -> Result<Finding, Failure> {
    let letters = DeadLetterStream::open(connections).await?;
    each(&letters, output, which, "replayed", async |letter| {
        letters.replay(letter).await
    })
    .await
}

pub(crate) async fn discard(
    connections: &Connections,
    output: &Output,
    which: &Which,
) -> Result<Finding, Failure> {
    let letters = DeadLetterStream::open(connections).await?;
    each(&letters, output, which, "discarded", async |letter| {
        letters.discard(letter).await
    })
    .await
}

async fn each(
    letters: &DeadLetterStream,
    output: &Output,
    which: &Which,
    done: &str,
    act: impl AsyncFn(&DeadLetter) -> Result<(), Failure>,
) -> Result<Finding, Failure> {
    let mut finding = Finding::Fine;
    let numbers = if which.all {
        letters.numbers().await?
    } else {
        which.numbers.clone()
    };
    for number in numbers {
        let Some(letter) = letters.find(number).await? else {
            finding = missing(number)?;
            continue;
        };
        act(&letter).await?;
        if output.is_json() {
            output.json_line(&serde_json::json!({ "number": number, "result": done }))?;
        } else {
            output.line(format!(
                "{done} dead letter {number}: {}",
                letter.event.subject
            ))?;
        }
    }
    Ok(finding)
}

#[expect(clippy::unnecessary_wraps, reason = "it is the result of a command")]
fn missing(number: u64) -> Result<Finding, Failure> {
    eprintln!("no dead letter {number}; `ticketctl dead-letters list` lists them");
    Ok(Finding::Wrong)
}
