//! The HTTP client of one customer. It has timeouts, and repeats requests as a well-behaved client does.

use std::sync::Arc;
use std::time::Duration;

use common::Id;
use common::id::kind;
use rand::RngExt;
use reqwest::header::RETRY_AFTER;
use serde::de::DeserializeOwned;
use serde_json::Value;
use testkit::{Answer, Api};

use super::contract::{self, Breach, Outcome};
use super::{Operation, Shop};

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(6);

/// How often a request is sent.
const TRIES: u32 = 6;

/// The longest pause before a request is repeated, whatever `Retry-After` says.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A client with or without a session.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) shop: Arc<Shop>,
    pub(super) api: Api,
}

/// A response other than "unavailable".
pub(super) struct Response {
    pub(super) answer: Answer,
    /// Whether the request was repeated, and an earlier one may have succeeded.
    pub(super) is_repeated: bool,
}

impl Customer {
    /// A client with a session. Its account does not exist, which only `auth` could know.
    pub(super) fn signed_in(shop: &Arc<Shop>, user: Id<kind::User>) -> Self {
        Self {
            api: Api::signed_in(&shop.fleet.origin(), shop.fleet.jwt_key(), user),
            shop: shop.clone(),
        }
    }

    /// A client without a session.
    pub(super) fn anonymous(shop: &Arc<Shop>) -> Self {
        Self {
            api: Api::anonymous(&shop.fleet.origin()),
            shop: shop.clone(),
        }
    }

    /// Sends a request until it gets a response other than "unavailable", a limited number of times.
    pub(super) async fn request(
        &self,
        operation: Operation,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Response> {
        for tried in 0..TRIES {
            let answer = self.send_once(operation, path, body).await;
            let pause = match answer {
                Some(answer) if Outcome::of(answer.status) != Outcome::Unavailable => {
                    let is_repeated = tried > 0;
                    return Some(Response {
                        answer,
                        is_repeated,
                    });
                }
                Some(answer) => retry_after(&answer),
                None => Duration::from_millis(300),
            };
            let jitter = rand::rng().random_range(0..300);
            let pause = pause.min(LONGEST_PAUSE) + Duration::from_millis(jitter);
            self.shop.pause(pause).await;
            if self.shop.is_closing() {
                break;
            }
        }
        None
    }

    /// Sends a request once; none if there is no response.
    pub(super) async fn send_once(
        &self,
        operation: Operation,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let mut request = self.api.request(operation.method(), path).timeout(TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.api.try_send(request).await.ok();
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        self.shop.tally.request(operation, status);
        if let Some(message) = answer
            .as_ref()
            .and_then(|answer| contract::fault(operation, path, answer))
        {
            self.report_breach(operation, vec![path.to_owned()], message);
        }
        answer
    }

    /// Parses the body, which must have the contract's shape.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        operation: Operation,
        answer: &Answer,
    ) -> Option<T> {
        let read = serde_json::from_str(&answer.text);
        if let Err(error) = &read {
            let message = format!("unreadable ({error}): {}", contract::short(&answer.text));
            self.report_breach(operation, Vec::new(), message);
        }
        read.ok()
    }

    /// Parses the body if the response has this status.
    pub(super) fn read_if<T: DeserializeOwned>(
        &self,
        operation: Operation,
        status: u16,
        answer: &Answer,
    ) -> Option<T> {
        (answer.status == status).then(|| self.read(operation, answer))?
    }

    /// Records a response that breaks the contract.
    pub(super) fn report_breach(
        &self,
        operation: Operation,
        entities: Vec<String>,
        message: String,
    ) {
        self.shop.tally.breach(Breach {
            operation,
            entities,
            message,
        });
    }
}

/// The message of an error response.
pub(super) fn message(answer: &Answer) -> &str {
    answer.json["errors"][0]["message"]
        .as_str()
        .unwrap_or_default()
}

fn retry_after(answer: &Answer) -> Duration {
    let seconds = answer.headers.get(RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}
