//! Every step waits until it can be done, with a deadline, and leaves behind what there was to see if it cannot.

use std::fmt::Display;
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::{Locator, elements::Element};

use super::Browser;
use crate::eventually::within;

/// How long a step waits, on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a step was not done.
pub(super) enum Trouble {
    /// It may be possible a little later.
    NotYet(String),
    /// It never will be.
    Final(String),
}

impl From<CmdError> for Trouble {
    fn from(error: CmdError) -> Self {
        let reason = first_line(&error.to_string());
        let hopeless = error.is_invalid_selector()
            || error.is_invalid_argument()
            || error.is_invalid_session_id()
            || error.is_no_such_window()
            || error.is_timeout()
            || !matches!(error, CmdError::Standard(_));
        if hopeless {
            Self::Final(reason)
        } else {
            Self::NotYet(reason)
        }
    }
}

/// Without the driver's own stack, which tells nobody anything.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Text with every run of white space as one space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Browser {
    /// Tries a step until it is done.
    pub(super) async fn step<T, F>(&self, what: impl Display, attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        self.step_within(PATIENCE, what, attempt).await
    }

    /// As [`Browser::step`], with a deadline of one's own.
    pub(super) async fn step_within<T, F>(
        &self,
        patience: Duration,
        what: impl Display,
        mut attempt: impl FnMut() -> F,
    ) -> T
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let outcome = within(patience, || {
            let attempt = attempt();
            async {
                match attempt.await {
                    Ok(value) => Ok(Ok(value)),
                    Err(Trouble::Final(reason)) => Ok(Err(reason)),
                    Err(Trouble::NotYet(reason)) => Err(reason),
                }
            }
        });
        match outcome.await {
            Ok(Ok(value)) => value,
            Ok(Err(reason)) => self.fail(format!("{what}: {reason}")).await,
            Err(reason) => {
                let what = format!("{what}: not within {patience:?}: {reason}");
                self.fail(what).await
            }
        }
    }

    /// Does a command that needs no waiting.
    pub(super) async fn at_once<T>(
        &self,
        what: impl Display,
        command: impl Future<Output = Result<T, CmdError>>,
    ) -> T {
        match command.await {
            Ok(value) => value,
            Err(error) => {
                let reason = first_line(&error.to_string());
                self.fail(format!("{what}: {reason}")).await
            }
        }
    }

    /// The first element that matches and can be seen.
    pub(super) async fn visible(&self, css: &str) -> Result<Element, Trouble> {
        for element in self.client.find_all(Locator::Css(css)).await? {
            if element.is_displayed().await? {
                return Ok(element);
            }
        }
        Err(Trouble::NotYet(format!("no {css} to be seen")))
    }

    /// The first element of these kinds that has this accessible name and can be seen.
    pub(super) async fn named(&self, kinds: &str, name: &str) -> Result<Element, Trouble> {
        let mut others = Vec::new();
        for element in self.client.find_all(Locator::Css(kinds)).await? {
            let its_name = self.name_of(&element).await?;
            if its_name == name && element.is_displayed().await? {
                return Ok(element);
            }
            others.push(its_name);
        }
        Err(Trouble::NotYet(format!(
            "nothing of this name to be seen; there are {others:?}"
        )))
    }

    /// The text that can be seen in the page or frame, each run of white space as one space.
    pub(super) async fn all_text(&self) -> Result<String, Trouble> {
        let body = self.client.find(Locator::Css("body")).await?;
        Ok(one_line(&body.text().await?))
    }
}
