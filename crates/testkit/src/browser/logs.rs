//! What the browser says of its pages: its console, and every request that it made.

use std::collections::HashMap;
use std::fmt;

use fantoccini::error::CmdError;
use serde_json::Value;

use super::Browser;

/// What was logged so far; the driver forgets what it has told.
#[derive(Debug, Default)]
pub(super) struct Logs {
    console: Vec<Line>,
    network: Vec<Value>,
}

#[derive(Debug)]
struct Line {
    level: String,
    text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.level, self.text)
    }
}

/// A request that the browser made. An answer that redirects ends one, and the next begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Its full address.
    pub url: String,
    /// GET, POST, …
    pub method: String,
    /// What it was for, in the browser's words: `Document`, `Stylesheet`, `Script`, `Fetch`, `EventSource`, …
    pub kind: String,
    /// The answer's status; none if there was no answer (yet).
    pub status: Option<u64>,
    /// The bytes of the answer on the wire so far: compressed, headers included.
    pub bytes: u64,
    /// Whether the answer came from the browser's cache.
    pub cached: bool,
}

impl Browser {
    /// All errors of the console so far: exceptions, violations of the content security policy, resources that did not
    /// load; also documents that were answered with an error's status.
    pub async fn console_errors(&self) -> Vec<String> {
        self.console_errors_but(&[]).await
    }

    /// As [`Browser::console_errors`], without those that contain one of these texts.
    pub async fn console_errors_but(&self, expected: &[&str]) -> Vec<String> {
        self.at_once("read the console", self.read_logs()).await;
        let logs = self.logs();
        let errors = logs.console.iter().filter(|line| line.level == "SEVERE");
        errors
            .map(|line| line.text.clone())
            .filter(|text| !expected.iter().any(|part| text.contains(part)))
            .collect()
    }

    /// The requests since the browser was opened or [`Browser::forget_requests`] was called, in their order.
    pub async fn requests(&self) -> Vec<Request> {
        self.at_once("read the network's log", self.read_logs())
            .await;
        requests(&self.logs().network)
    }

    /// Begins a new list of requests.
    pub async fn forget_requests(&self) {
        self.at_once("read the network's log", self.read_logs())
            .await;
        self.logs().network.clear();
    }

    /// Everything that the console shows, a line each.
    pub(super) async fn console(&self) -> Result<String, CmdError> {
        self.read_logs().await?;
        let logs = self.logs();
        let lines: Vec<_> = logs.console.iter().map(Line::to_string).collect();
        Ok(lines.join("\n"))
    }

    async fn read_logs(&self) -> Result<(), CmdError> {
        let console = self.new_log_entries("browser").await?;
        let network = self.new_log_entries("performance").await?;
        let mut logs = self.logs();
        logs.console.extend(console.iter().map(|entry| Line {
            level: text(&entry["level"]),
            text: text(&entry["message"]),
        }));
        let events = network.iter().filter_map(|entry| {
            let envelope: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = envelope["message"].clone();
            let method = event["method"].as_str()?;
            method.starts_with("Network.").then_some(event)
        });
        logs.network.extend(events);
        Ok(())
    }
}

/// Puts the browser's events together: each names the request that it is about.
fn requests(events: &[Value]) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for event in events {
        let parameters = &event["params"];
        let Some(id) = parameters["requestId"].as_str() else {
            continue;
        };
        if event["method"] == "Network.requestWillBeSent" {
            let redirect = &parameters["redirectResponse"];
            if let Some(&index) = known.get(id) {
                answered(&mut requests[index], redirect);
                requests[index].bytes = length(redirect);
            }
            let request = sent(parameters);
            if request.url.starts_with("http") || request.url.starts_with("ws") {
                known.insert(id, requests.len());
                requests.push(request);
            }
            continue;
        }
        let Some(request) = known.get(id).map(|&index| &mut requests[index]) else {
            continue;
        };
        match event["method"].as_str() {
            Some("Network.responseReceived") => {
                answered(request, &parameters["response"]);
                request.bytes = length(&parameters["response"]);
            }
            Some("Network.dataReceived") => request.bytes += length(parameters),
            Some("Network.loadingFinished") => request.bytes = length(parameters),
            Some("Network.requestServedFromCache") => request.cached = true,
            _ => {}
        }
    }
    requests
}

fn sent(parameters: &Value) -> Request {
    Request {
        url: text(&parameters["request"]["url"]),
        method: text(&parameters["request"]["method"]),
        kind: text(&parameters["type"]),
        ..Request::default()
    }
}

fn answered(request: &mut Request, response: &Value) {
    request.status = response["status"].as_u64();
    request.cached |= response["fromDiskCache"] == true;
}

/// The browser counts bytes in a number with a point.
fn length(counted: &Value) -> u64 {
    let length = counted["encodedDataLength"].as_f64().unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of bytes, which a cast saturates"
    )]
    let whole = length as u64;
    whole
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
