//! Progress on the terminal: a spinner if standard error is a terminal, otherwise plain lines.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::Progress;

const FRAME: Duration = Duration::from_millis(120);

/// How often plain output shows a line of a step that takes long.
const REMINDER: Duration = Duration::from_secs(30);

/// Progress on standard error.
#[derive(Debug)]
pub struct Console {
    spinner: Option<ProgressBar>,
    last_detail: Mutex<Instant>,
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// With a spinner if standard error is a terminal.
    #[must_use]
    pub fn new() -> Self {
        let spinner = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg:.dim}");
            let bar = ProgressBar::new_spinner();
            bar.set_style(style.expect("the template is valid"));
            bar
        });
        Self {
            spinner,
            ..Self::plain()
        }
    }

    /// Without a spinner: for work beside something else that writes to the terminal.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            spinner: None,
            last_detail: Mutex::new(Instant::now()),
        }
    }

    /// Turns the current step into a plain line, so that other output can follow.
    pub fn pause(&self) {
        if let Some(bar) = &self.spinner {
            let step = bar.prefix();
            if !step.is_empty() {
                bar.suspend(|| eprintln!("· {step}"));
            }
            bar.set_prefix("");
            bar.set_message("");
            bar.finish_and_clear();
        }
    }
}

impl Progress for Console {
    fn step(&self, text: &str) {
        let Some(bar) = &self.spinner else {
            return eprintln!("· {text}");
        };
        self.pause();
        bar.reset();
        bar.set_prefix(text.to_owned());
        bar.enable_steady_tick(FRAME);
    }

    fn detail(&self, line: &str) {
        if let Some(bar) = &self.spinner {
            return bar.set_message(line.trim().to_owned());
        }
        let mut last = self
            .last_detail
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() > REMINDER {
            *last = Instant::now();
            eprintln!("  {}", line.trim());
        }
    }
}
