//! What the services log is what the page about it says.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use testkit::{Fleet, eventually_within};

use crate::traces::with_collector;
use crate::{PATIENCE, order, pay, sell, shopper, wait_for_status};

const PAGE: &str = include_str!("../../../../infra/logs.md");

type Line = Map<String, Value>;

/// The fields in the tables under this heading; of the whole page if it is empty.
fn documented(heading: &str) -> BTreeSet<String> {
    let under = PAGE.split("\n## ").find(|part| part.starts_with(heading));
    let rows = if heading.is_empty() {
        PAGE
    } else {
        under.expect("a heading")
    };
    rows.lines()
        .filter_map(|row| row.strip_prefix("| `")?.split_once('`'))
        .map(|(field, _)| field.to_owned())
        .collect()
}

/// The lines that a fleet's services wrote.
fn lines(folder: &Path) -> Vec<Line> {
    let services = testkit::fleet::SERVICES.iter();
    services
        .flat_map(|name| read(&folder.join(format!("{name}-1.log"))))
        .collect()
}

fn read(log: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(log).unwrap();
    // The last line may not be whole yet.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| {
            let read = serde_json::from_str(line);
            read.unwrap_or_else(|error| panic!("{}: {error}: {line}", log.display()))
        })
        .collect()
}

/// Whether the line is of our own code. Libraries choose their own fields.
fn is_ours(line: &Line) -> bool {
    let target = line["target"].as_str().unwrap_or_default();
    let of = target.split("::").next().unwrap_or_default();
    let shared = ["base", "telemetry", "mongo", "messaging", "web", "service"];
    shared.contains(&of) || testkit::fleet::SERVICES.contains(&of)
}

/// The fields of all lines that say this.
fn fields_of(lines: &[Line], message: &str) -> BTreeSet<String> {
    let said = |line: &&Line| line.get("message").is_some_and(|said| said == message);
    let said = lines.iter().filter(said);
    said.flat_map(|line| line.keys().cloned()).collect()
}

async fn purchase(fleet: &Fleet) {
    let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
    let order = order(&buyer, &sell(&seller).await).await;
    wait_for_status(&buyer, &order, "awaiting:payment").await;
    assert_eq!(pay(&buyer, &order).await.status, 201);
    wait_for_status(&buyer, &order, "complete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_every_line_is_documented_and_the_documented_ones_are_there() {
    with_collector(Duration::from_mins(15), async |fleet, _| {
        purchase(fleet).await;
        eventually_within(PATIENCE, "both kinds of lines were written", async || {
            let lines = lines(fleet.folder());
            let of_requests = fields_of(&lines, "request answered");
            let of_events = fields_of(&lines, "event handled");
            if of_requests.is_empty() || of_events.is_empty() {
                Err("not yet")
            } else {
                Ok(())
            }
        })
        .await;
        let lines = lines(fleet.folder());
        let known = documented("");
        for line in lines.iter().filter(|line| is_ours(line)) {
            let unknown: Vec<_> = line.keys().filter(|key| !known.contains(*key)).collect();
            assert!(
                unknown.is_empty(),
                "not in infra/logs.md: {unknown:?} of {line:?}"
            );
        }
        let mut everywhere = documented("Every line");
        everywhere.remove("error");
        let mut request = documented("A request");
        request.remove("error.type");
        let mut event = documented("An event");
        event.remove("event.retry_delay");
        for (message, fields) in [("request answered", request), ("event handled", event)] {
            let told = fields_of(&lines, message);
            let missing: Vec<_> = fields
                .union(&everywhere)
                .filter(|field| !told.contains(*field))
                .collect();
            assert!(missing.is_empty(), "{message} lacks {missing:?}");
        }
    })
    .await;
}
