//! `resync`: a service tells the state of all it owns again.

use std::time::Duration;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use crate::connections::{Connections, http};
use crate::failure::{Failure, Finding};
use crate::output::Output;

/// A service tells some thousand entities a second.
const PATIENCE: Duration = Duration::from_mins(10);

#[derive(Deserialize)]
struct Answer {
    events: u64,
}

#[derive(Serialize)]
struct Shown<'a> {
    service: &'a str,
    events: u64,
}

pub(crate) async fn run(
    connections: &Connections,
    output: &Output,
    service: &str,
) -> Result<Finding, Failure> {
    let urls = connections.admin_urls(service)?;
    // One process tells for all of them.
    let url = urls.first().context("a service without an address")?;
    let asked = http(Some(PATIENCE))?
        .post(format!("{url}/resync"))
        .send()
        .await;
    let answer = asked.map_err(|error| {
        let away = connections.away(service, url, "TICKETCTL_ADMIN_URLS");
        anyhow!(error.without_url()).context(away)
    })?;
    let status = answer.status();
    if status == reqwest::StatusCode::NOT_FOUND {
        return Err(Failure::usage(format_args!(
            "{service} owns nothing that others are told of; tickets, orders and payments do"
        )));
    }
    if !status.is_success() {
        let body = answer.text().await.unwrap_or_default();
        return Err(anyhow!("{service} could not tell everything ({status}): {body}").into());
    }
    let told: Answer = answer.json().await.context("an answer that is none")?;
    let events = told.events;
    if output.is_json() {
        output.json(&Shown { service, events })?;
    } else {
        output.line(format!(
            "{service} told the state of {events} entities again"
        ))?;
    }
    Ok(Finding::Fine)
}
