//! The fields in the services' logs match their documentation.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};
use testkit::{Fleet, eventually_within};

use crate::traces::with_collector;
use crate::{NO_EXPIRY, TIMEOUT, order, pay, sell, shopper, wait_for_status};

const PAGE: &str = include_str!("../../../../infra/logs.md");

type Line = Map<String, Value>;

/// The fields in the tables below this heading; of the whole page if the heading is empty.
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

/// The log lines of a fleet's services.
fn lines(folder: &Path) -> Vec<Line> {
    let services = testkit::fleet::SERVICES.iter();
    services
        .flat_map(|name| read(&folder.join(format!("{name}-1.log"))))
        .collect()
}

fn read(log: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(log).unwrap();
    // The last line may be incomplete.
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    complete
        .lines()
        .map(|line| {
            let read = serde_json::from_str(line);
            read.unwrap_or_else(|error| panic!("{}: {error}: {line}", log.display()))
        })
        .collect()
}

/// Whether the line is from our own code. Libraries choose their own fields.
fn is_ours(line: &Line) -> bool {
    let target = line["target"].as_str().unwrap_or_default();
    let root = target.split("::").next().unwrap_or_default();
    let shared = ["base", "telemetry", "mongo", "messaging", "web", "service"];
    shared.contains(&root) || testkit::fleet::SERVICES.contains(&root)
}

/// The fields of all lines with this message.
fn fields_of(lines: &[Line], message: &str) -> BTreeSet<String> {
    let has_message = |line: &&Line| line.get("message").is_some_and(|text| text == message);
    let lines = lines.iter().filter(has_message);
    lines.flat_map(|line| line.keys().cloned()).collect()
}

async fn purchase(fleet: &Fleet) {
    let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
    let order = order(&buyer, &sell(&seller).await).await;
    wait_for_status(&buyer, &order, "awaiting:payment").await;
    assert_eq!(pay(&buyer, &order).await.status, 201);
    wait_for_status(&buyer, &order, "complete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_logged_field_is_documented_and_every_documented_field_is_logged() {
    with_collector(NO_EXPIRY, async |fleet, _| {
        purchase(fleet).await;
        eventually_within(TIMEOUT, "both kinds of lines were written", async || {
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
            let logged = fields_of(&lines, message);
            let missing: Vec<_> = fields
                .union(&everywhere)
                .filter(|field| !logged.contains(*field))
                .collect();
            assert!(missing.is_empty(), "{message} lacks {missing:?}");
        }
    })
    .await;
}
