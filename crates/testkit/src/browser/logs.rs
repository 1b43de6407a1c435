//! The browser's console, and every request that it made.

use std::collections::HashMap;

use serde_json::Value;
use thirtyfour::BrowserLogEntry;
use thirtyfour::error::WebDriverResult;

use super::Browser;

/// The log entries so far. The driver returns each entry only once.
#[derive(Debug, Default)]
pub(super) struct Logs {
    console: Vec<BrowserLogEntry>,
    network: Vec<Value>,
}

/// A request that the browser made. A redirect ends one request and begins another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Its full address.
    pub url: String,
    /// GET, POST, …
    pub method: String,
    /// The browser's resource type: `Document`, `Stylesheet`, `Script`, `Fetch`, `EventSource`, …
    pub kind: String,
    /// The response's status; none without a response (yet).
    pub status: Option<u64>,
    /// The bytes of the response on the wire so far: compressed, with headers.
    pub bytes: u64,
    /// Whether the response came from the browser's cache.
    pub cached: bool,
}

impl Browser {
    /// All errors in the console so far: exceptions, violations of the content security policy, failed loads of
    /// resources, and documents with an error status.
    pub async fn console_errors(&self) -> Vec<String> {
        self.console_errors_but(&[]).await
    }

    /// As [`Browser::console_errors`], without the errors that contain one of these texts.
    pub async fn console_errors_but(&self, expected: &[&str]) -> Vec<String> {
        self.once("read the console", self.read_logs()).await;
        let logs = self.logs();
        let errors = logs.console.iter().filter(|line| line.level == "SEVERE");
        errors
            .map(|line| line.message.clone())
            .filter(|text| !expected.iter().any(|part| text.contains(part)))
            .collect()
    }

    /// The requests in order, since the browser was opened or [`Browser::forget_requests`] was called.
    pub async fn requests(&self) -> Vec<Request> {
        self.once("read the network log", self.read_logs()).await;
        requests(&self.logs().network)
    }

    /// Clears the list of requests.
    pub async fn forget_requests(&self) {
        self.once("read the network log", self.read_logs()).await;
        self.logs().network.clear();
    }

    /// The console's entries, one on each line.
    pub(super) async fn console(&self) -> WebDriverResult<String> {
        self.read_logs().await?;
        let logs = self.logs();
        let lines = logs.console.iter();
        let lines: Vec<_> = lines
            .map(|line| format!("{} {}", line.level, line.message))
            .collect();
        Ok(lines.join("\n"))
    }

    async fn read_logs(&self) -> WebDriverResult<()> {
        let console = self.driver.browser_log().await?;
        let network = self.driver.get_log("performance").await?;
        let mut logs = self.logs();
        logs.console.extend(console);
        let events = network.iter().filter_map(|entry| {
            let envelope: Value = serde_json::from_str(&entry.message).ok()?;
            let event = envelope["message"].clone();
            let method = event["method"].as_str()?;
            method.starts_with("Network.").then_some(event)
        });
        logs.network.extend(events);
        Ok(())
    }
}

/// The requests that the browser's events describe. Each event names its request.
fn requests(events: &[Value]) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for event in events {
        let parameters = &event["params"];
        let Some(id) = parameters["requestId"].as_str() else {
            continue;
        };
        if event["method"] == "Network.requestWillBeSent" {
            let redirect = &parameters["redirectResponse"];
            if let Some(&index) = places.get(id) {
                record_response(&mut requests[index], redirect);
                requests[index].bytes = length(redirect);
            }
            let request = sent(parameters);
            if request.url.starts_with("http") || request.url.starts_with("ws") {
                places.insert(id, requests.len());
                requests.push(request);
            }
            continue;
        }
        let Some(request) = places.get(id).map(|&index| &mut requests[index]) else {
            continue;
        };
        match event["method"].as_str() {
            Some("Network.responseReceived") => {
                record_response(request, &parameters["response"]);
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

fn record_response(request: &mut Request, response: &Value) {
    request.status = response["status"].as_u64();
    request.cached |= response["fromDiskCache"] == true;
}

/// The browser reports numbers of bytes as floating-point numbers.
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
