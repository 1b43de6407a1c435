//! The steps of a smoke test: what each did, how long it took, and why it failed.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use crate::http::Answer;

const PAUSE: Duration = Duration::from_millis(250);

/// How much of a response is shown, in characters.
const SHOWN: usize = 600;

/// A step that has ended.
#[derive(Debug, Clone)]
pub struct Step {
    /// What was done.
    pub what: String,
    /// How long it took.
    pub took: Duration,
    /// Why it failed, if it failed.
    pub trouble: Option<Trouble>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The probable cause.
    pub suspect: String,
    /// The response, or the error.
    pub answer: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  probably: {}", self.answer, self.suspect)
    }
}

/// A step failed, so the journey ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed;

/// The outcome of an attempt at a step.
pub(super) enum Attempt<T> {
    Done(T),
    /// It may succeed later.
    Retry(String),
    Failed(String),
}

/// Runs steps and reports them.
pub(super) struct Steps<'a> {
    report: &'a mut (dyn FnMut(&Step) + Send),
    timeout: Duration,
}

impl<'a> Steps<'a> {
    pub(super) fn new(report: &'a mut (dyn FnMut(&Step) + Send), timeout: Duration) -> Self {
        Self { report, timeout }
    }

    /// Runs a step once. `suspect` is the probable cause of a failure.
    pub(super) async fn run<T>(
        &mut self,
        what: &str,
        suspect: &str,
        attempt: impl AsyncFn() -> Attempt<T>,
    ) -> Result<T, Failed> {
        self.attempt(what, suspect, Duration::ZERO, attempt).await
    }

    /// Retries a step that needs events between services.
    pub(super) async fn wait<T>(
        &mut self,
        what: &str,
        suspect: &str,
        attempt: impl AsyncFn() -> Attempt<T>,
    ) -> Result<T, Failed> {
        self.attempt(what, suspect, self.timeout, attempt).await
    }

    async fn attempt<T>(
        &mut self,
        what: &str,
        suspect: &str,
        timeout: Duration,
        attempt: impl AsyncFn() -> Attempt<T>,
    ) -> Result<T, Failed> {
        let began = Instant::now();
        let answer = loop {
            match attempt().await {
                Attempt::Done(value) => {
                    self.report(what, began, None);
                    return Ok(value);
                }
                Attempt::Failed(answer) => break answer,
                Attempt::Retry(answer) if began.elapsed() >= timeout => {
                    break format!("{answer}, still after {} s", timeout.as_secs());
                }
                Attempt::Retry(_) => sleep(PAUSE).await,
            }
        };
        let suspect = suspect.to_owned();
        self.report(what, began, Some(Trouble { suspect, answer }));
        Err(Failed)
    }

    fn report(&mut self, what: &str, began: Instant, trouble: Option<Trouble>) {
        (self.report)(&Step {
            what: what.to_owned(),
            took: began.elapsed(),
            trouble,
        });
    }
}

/// The response, with the usual cause of its status.
pub(super) fn describe(answer: &Result<Answer>) -> String {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return format!("no response: {error:#}"),
    };
    let is_json = !answer.json.is_null();
    let meaning = match answer.status {
        403 => " (rejected as cross-site: is PUBLIC_ORIGIN the shop's address?)",
        404 if !is_json => " (not a service of ours: the ingress routes to something else)",
        429 => " (too many attempts from this address)",
        502 | 504 => " (the ingress cannot reach the service)",
        503 if is_json => " (the service runs, but a dependency does not)",
        503 => " (the ingress finds no ready pod of the service)",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failed_step_names_the_probable_cause() {
        let mut reported = Vec::new();
        let mut report = |step: &Step| reported.push(step.clone());
        let mut steps = Steps::new(&mut report, Duration::ZERO);
        let done = steps
            .run("sign up", "auth", async || Attempt::Done(7))
            .await;
        assert!(matches!(done, Ok(7)));
        let late = steps
            .wait("order", "orders", async || {
                Attempt::<()>::Retry("404".to_owned())
            })
            .await;
        assert!(late.is_err());
        assert_eq!(reported[0].trouble, None);
        let trouble = reported[1].trouble.as_ref().unwrap();
        assert_eq!(
            (trouble.suspect.as_str(), trouble.answer.as_str()),
            ("orders", "404, still after 0 s")
        );
    }
}
