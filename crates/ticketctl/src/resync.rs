//! `resync`: makes a service publish the state of everything that it owns again.

use std::time::Duration;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use crate::connections::{Connections, http};
use crate::failure::{Failure, Finding};
use crate::output::Output;

/// A service publishes some thousand entities a second.
const TIMEOUT: Duration = Duration::from_mins(10);

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
    // One process publishes for all.
    let url = urls.first().context("a service without an address")?;
    let sent = http(Some(TIMEOUT))?
        .post(format!("{url}/resync"))
        .send()
        .await;
    let answer = sent.map_err(|error| {
        let advice = connections.unreachable(service, url, "TICKETCTL_ADMIN_URLS");
        anyhow!(error.without_url()).context(advice)
    })?;
    let status = answer.status();
    if status == reqwest::StatusCode::NOT_FOUND {
        return Err(Failure::usage(format_args!(
            "{service} publishes nothing; tickets, orders and payments do"
        )));
    }
    if !status.is_success() {
        let body = answer.text().await.unwrap_or_default();
        return Err(anyhow!("{service} could not publish everything ({status}): {body}").into());
    }
    let answer: Answer = answer.json().await.context("an invalid answer")?;
    let events = answer.events;
    if output.is_json() {
        output.json(&Shown { service, events })?;
    } else {
        output.line(format!(
            "{service} published the state of {events} entities again"
        ))?;
    }
    Ok(Finding::Fine)
}
