//! Idempotency keys: the first answer is stored and repeated, as at Stripe.
//!
//! See <https://docs.stripe.com/api/idempotent_requests>. Once the endpoint has begun its work, any answer is stored,
//! also a 500. Refused parameters and a concurrent request with the same key leave the key unchanged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde_json::Value;

use crate::refusal::Refusal;

/// A stored answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// The request that a key is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) path: String,
    /// Identifies the parameters.
    pub(crate) fingerprint: String,
}

#[derive(Debug)]
struct Entry {
    first: Use,
    /// `None` while the request is in progress.
    answer: Option<Answer>,
}

/// All used keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdempotencyKeys(Arc<Mutex<HashMap<String, Entry>>>);

/// How to handle a request with a key.
#[derive(Debug)]
pub(crate) enum Begin {
    /// The first request: process it, then [`Claim::store`] the answer.
    Work(Claim),
    /// A repeated request: return this answer.
    Replay(Answer),
}

impl IdempotencyKeys {
    /// Begins a request, unless the key was used otherwise or is in use.
    pub(crate) fn begin(&self, key: &str, usage: Use) -> Result<Begin, Refusal> {
        if key.len() > 255 {
            let message = "Idempotency-Key must be at most 255 characters long.";
            return Err(Refusal::invalid(message));
        }
        let mut entries = self.lock();
        let Some(entry) = entries.get(key) else {
            let entry = Entry {
                first: usage,
                answer: None,
            };
            entries.insert(key.to_owned(), entry);
            return Ok(Begin::Work(Claim {
                keys: self.clone(),
                key: key.to_owned(),
            }));
        };
        if entry.first != usage {
            return Err(Refusal::key_reused(reused(key, &entry.first, &usage)));
        }
        match &entry.answer {
            Some(answer) => Ok(Begin::Replay(answer.clone())),
            None => Err(Refusal::key_in_use(key)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key whose request is in progress. If it is dropped without an answer, the key counts as unused.
#[derive(Debug)]
pub(crate) struct Claim {
    keys: IdempotencyKeys,
    key: String,
}

impl Claim {
    /// Stores the answer for repeated requests.
    pub(crate) fn store(self, answer: Answer) {
        if let Some(entry) = self.keys.lock().get_mut(&self.key) {
            entry.answer = Some(answer);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut entries = self.keys.lock();
        if entries
            .get(&self.key)
            .is_some_and(|entry| entry.answer.is_none())
        {
            entries.remove(&self.key);
        }
    }
}

fn reused(key: &str, first: &Use, now: &Use) -> String {
    let only = if first.path == now.path {
        "with the same parameters they were first used with".to_owned()
    } else {
        format!(
            "for the same endpoint they were first used for ('{}' vs '{}')",
            now.path, first.path
        )
    };
    format!(
        "Keys for idempotent requests can only be used {only}. Try using a key other than '{key}' if you meant to \
         execute a different request."
    )
}
