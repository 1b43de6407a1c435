//! Steps that are retried until they succeed or their deadline passes, and then leave evidence of the failure.

use std::fmt::Display;
use std::time::Duration;

use thirtyfour::error::{WebDriverError, WebDriverErrorInner as Error, WebDriverResult};
use thirtyfour::extensions::query::{ElementQuery, ElementQueryable};
use thirtyfour::{By, WebElement};

use super::{Browser, computed};
use crate::eventually::within;

/// Enough on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a step failed.
pub(super) enum Failure {
    /// It may succeed later.
    Retry(String),
    /// It can never succeed.
    Fatal(String),
}

impl From<WebDriverError> for Failure {
    fn from(error: WebDriverError) -> Self {
        let fatal = matches!(
            *error,
            Error::InvalidSelector(_)
                | Error::InvalidArgument(_)
                | Error::InvalidSessionId(_)
                | Error::NoSuchWindow(_)
                | Error::WebDriverTimeout(_)
                | Error::HttpError(_)
                | Error::RequestFailed(_)
                | Error::UnknownResponse(..)
                | Error::Json(_)
        );
        let reason = reason(&error);
        if fatal {
            Self::Fatal(reason)
        } else {
            Self::Retry(reason)
        }
    }
}

/// The error on one line, without the driver's stack trace.
fn reason(error: &WebDriverError) -> String {
    let text = error.to_string();
    one_line(text.split("Stacktrace:").next().unwrap_or_default())
}

/// The text with every run of white space as one space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Browser {
    /// Retries a step until it succeeds.
    pub(super) async fn step<T, F>(&self, what: impl Display, attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.step_within(TIMEOUT, what, attempt).await
    }

    /// As [`Browser::step`], with another deadline.
    pub(super) async fn step_within<T, F>(
        &self,
        timeout: Duration,
        what: impl Display,
        mut attempt: impl FnMut() -> F,
    ) -> T
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let outcome = within(timeout, || {
            let attempt = attempt();
            async {
                match attempt.await {
                    Ok(value) => Ok(Ok(value)),
                    Err(Failure::Fatal(reason)) => Ok(Err(reason)),
                    Err(Failure::Retry(reason)) => Err(reason),
                }
            }
        });
        match outcome.await {
            Ok(Ok(value)) => value,
            Ok(Err(reason)) => self.fail(format!("{what}: {reason}")).await,
            Err(reason) => {
                let what = format!("{what}: not within {timeout:?}: {reason}");
                self.fail(what).await
            }
        }
    }

    /// Runs a command once.
    pub(super) async fn once<T>(
        &self,
        what: impl Display,
        command: impl Future<Output = WebDriverResult<T>>,
    ) -> T {
        match command.await {
            Ok(value) => value,
            Err(error) => self.fail(format!("{what}: {}", reason(&error))).await,
        }
    }

    /// The visible elements that match now. The query does not wait: [`Browser::step`] retries the whole step.
    pub(super) fn visible(&self, css: &str) -> ElementQuery {
        let query = self.driver.query(By::Css(css)).nowait();
        // An element may leave the page between the query's requests.
        query.ignore_errors(true).and_displayed()
    }

    /// The first visible element that matches and has this accessible name.
    pub(super) async fn named(&self, css: &str, name: &str) -> Result<WebElement, Failure> {
        let mut others = Vec::new();
        for element in self.driver.find_all(By::Css(css)).await? {
            let its_name = computed::name(&element).await?;
            if its_name == name && element.is_displayed().await? {
                return Ok(element);
            }
            others.push(its_name);
        }
        let reason = format!("no visible element has this name; the names are {others:?}");
        Err(Failure::Retry(reason))
    }

    /// The visible text of the page or frame, with every run of white space as one space.
    pub(super) async fn all_text(&self) -> Result<String, Failure> {
        let body = self.driver.find(By::Css("body")).await?;
        Ok(one_line(&body.text().await?))
    }
}
