//! One person's client: asks, waits a reasonable time, and asks again where a good client does.

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
use super::{Ask, Shop};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(6);

/// How often the same is asked before it is given up.
const TRIES: u32 = 6;

/// The longest that a client waits before it asks again, whatever it was told.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Somebody with a session, or nobody yet.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) shop: Arc<Shop>,
    pub(super) api: Api,
}

/// A clear answer.
pub(super) struct Said {
    pub(super) answer: Answer,
    /// Whether the same was asked before without a clear answer, and so may have been done before.
    pub(super) again: bool,
}

impl Customer {
    /// Somebody with an account that nobody asked for: what the other services know of accounts is their sessions.
    pub(super) fn signed_in(shop: &Arc<Shop>, user: Id<kind::User>) -> Self {
        Self {
            api: Api::signed_in(&shop.fleet.origin(), shop.fleet.jwt_key(), user),
            shop: shop.clone(),
        }
    }

    /// Nobody yet.
    pub(super) fn anonymous(shop: &Arc<Shop>) -> Self {
        Self {
            api: Api::anonymous(&shop.fleet.origin()),
            shop: shop.clone(),
        }
    }

    /// Asks until the answer is clear, or patience ends.
    pub(super) async fn insist(&self, ask: Ask, path: &str, body: Option<&Value>) -> Option<Said> {
        for tried in 0..TRIES {
            let answer = self.once(ask, path, body).await;
            let pause = match answer {
                Some(answer) if Outcome::of(answer.status) != Outcome::Unavailable => {
                    let again = tried > 0;
                    return Some(Said { answer, again });
                }
                Some(answer) => told_to_wait(&answer),
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

    /// Asks once; none if no answer comes.
    pub(super) async fn once(&self, ask: Ask, path: &str, body: Option<&Value>) -> Option<Answer> {
        let mut request = self.api.request(ask.method(), path).timeout(PATIENCE);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.api.try_send(request).await.ok();
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        self.shop.tally.request(ask, status);
        if let Some(words) = answer
            .as_ref()
            .and_then(|answer| contract::fault(ask, path, answer))
        {
            self.complain(ask, vec![path.to_owned()], words);
        }
        answer
    }

    /// What the answer carries, which must be of the contract's shape.
    pub(super) fn read<T: DeserializeOwned>(&self, ask: Ask, answer: &Answer) -> Option<T> {
        let read = serde_json::from_str(&answer.text);
        if let Err(error) = &read {
            let words = format!("unreadable ({error}): {}", contract::short(&answer.text));
            self.complain(ask, Vec::new(), words);
        }
        read.ok()
    }

    /// As [`Customer::read`], if the status is this one.
    pub(super) fn shown<T: DeserializeOwned>(
        &self,
        ask: Ask,
        status: u16,
        answer: &Answer,
    ) -> Option<T> {
        (answer.status == status).then(|| self.read(ask, answer))?
    }

    /// Takes note of an answer that must not be.
    pub(super) fn complain(&self, ask: Ask, entities: Vec<String>, words: String) {
        self.shop.tally.breach(Breach {
            ask,
            entities,
            words,
        });
    }
}

/// The message of a refusal.
pub(super) fn message(answer: &Answer) -> &str {
    answer.json["errors"][0]["message"]
        .as_str()
        .unwrap_or_default()
}

fn told_to_wait(answer: &Answer) -> Duration {
    let seconds = answer.headers.get(RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}
