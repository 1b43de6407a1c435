//! The steps of a smoke test: what each was, how long it took, and what was wrong.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::http::Answer;

const PAUSE: Duration = Duration::from_millis(250);

/// How much of an answer is shown, in characters.
const SHOWN: usize = 600;

/// A step that has ended.
#[derive(Debug, Clone)]
pub struct Step {
    /// What was done.
    pub what: String,
    /// How long it took.
    pub took: Duration,
    /// What was wrong, if anything.
    pub trouble: Option<Trouble>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Who probably is to blame.
    pub suspect: String,
    /// What was answered instead of what was expected.
    pub answer: String,
}

/// A step failed: the journey is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopped;

/// What an attempt at a step gives.
pub(super) enum Attempt<T> {
    Done(T),
    /// Not yet, perhaps later.
    NotYet(String),
    Failed(String),
}

/// Takes steps and tells of them.
pub(super) struct Steps<'a> {
    tell: &'a mut (dyn FnMut(&Step) + Send),
    patience: Duration,
}

impl<'a> Steps<'a> {
    pub(super) fn new(tell: &'a mut (dyn FnMut(&Step) + Send), patience: Duration) -> Self {
        Self { tell, patience }
    }

    /// Takes a step that works at once or never. `suspect` is to blame if it does not.
    pub(super) async fn take<T>(
        &mut self,
        what: &str,
        suspect: &str,
        attempt: impl AsyncFn() -> Attempt<T>,
    ) -> Result<T, Stopped> {
        self.attempt(what, suspect, Duration::ZERO, attempt).await
    }

    /// Takes a step that works when services have heard of each other.
    pub(super) async fn wait<T>(
        &mut self,
        what: &str,
        suspect: &str,
        attempt: impl AsyncFn() -> Attempt<T>,
    ) -> Result<T, Stopped> {
        self.attempt(what, suspect, self.patience, attempt).await
    }

    async fn attempt<T>(
        &mut self,
        what: &str,
        suspect: &str,
        patience: Duration,
        attempt: impl AsyncFn() -> Attempt<T>,
    ) -> Result<T, Stopped> {
        let began = Instant::now();
        let answer = loop {
            match attempt().await {
                Attempt::Done(value) => {
                    self.told(what, began, None);
                    return Ok(value);
                }
                Attempt::Failed(answer) => break answer,
                Attempt::NotYet(answer) if began.elapsed() >= patience => {
                    break format!("{answer}, still after {} s", patience.as_secs());
                }
                Attempt::NotYet(_) => sleep(PAUSE).await,
            }
        };
        let suspect = suspect.to_owned();
        self.told(what, began, Some(Trouble { suspect, answer }));
        Err(Stopped)
    }

    fn told(&mut self, what: &str, began: Instant, trouble: Option<Trouble>) {
        (self.tell)(&Step {
            what: what.to_owned(),
            took: began.elapsed(),
            trouble,
        });
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  probably: {}", self.answer, self.suspect)
    }
}

/// What an answer says, and what that usually means.
pub(super) fn words(answer: &reqwest::Result<Answer>) -> String {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return format!("no answer: {}", causes(error)),
    };
    let is_json = !answer.json.is_null();
    let meaning = match answer.status {
        403 => " (taken for another site's: is PUBLIC_ORIGIN the address that was asked?)",
        404 if !is_json => " (nobody of ours answers there: the ingress leads elsewhere)",
        429 => " (too many tries from this address)",
        502 | 504 => " (the ingress does not reach the service)",
        503 if is_json => " (the service lives, but not what it depends on)",
        503 => " (the ingress knows no ready pod of the service)",
        _ => "",
    };
    let id = answer
        .headers
        .get("x-request-id")
        .and_then(|id| id.to_str().ok());
    let id = id.map(|id| format!(", request {id}")).unwrap_or_default();
    let text: String = answer.text.chars().take(SHOWN).collect();
    format!("{}{meaning}{id}: {}", answer.status, text.trim())
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_that_does_not_work_says_whose_fault_it_is() {
        let mut told = Vec::new();
        let mut tell = |step: &Step| told.push(step.clone());
        let mut steps = Steps::new(&mut tell, Duration::ZERO);
        let done = steps
            .take("sign up", "auth", async || Attempt::Done(7))
            .await;
        assert!(matches!(done, Ok(7)));
        let late = steps
            .wait("order", "orders", async || {
                Attempt::<()>::NotYet("404".to_owned())
            })
            .await;
        assert!(late.is_err());
        assert_eq!(told[0].trouble, None);
        let trouble = told[1].trouble.as_ref().unwrap();
        assert_eq!(
            (trouble.suspect.as_str(), trouble.answer.as_str()),
            ("orders", "404, still after 0 s")
        );
    }
}
