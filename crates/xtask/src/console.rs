//! Progress output: a spinner on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use testkit::progress::Progress;

const FRAME: Duration = Duration::from_millis(120);

/// The interval at which plain output shows that a long step still runs.
const REMINDER: Duration = Duration::from_secs(30);

/// Shows progress on standard error.
pub(crate) struct Console {
    spinner: Option<ProgressBar>,
    last_reminder: std::sync::Mutex<Instant>,
}

impl Console {
    pub(crate) fn new() -> Self {
        let spinner = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg:.dim}");
            let bar = ProgressBar::new_spinner();
            bar.set_style(style.expect("the template is valid"));
            bar
        });
        Self {
            spinner,
            last_reminder: std::sync::Mutex::new(Instant::now()),
        }
    }

    /// Replaces the spinner by a plain line, so that other output can follow.
    pub(crate) fn pause(&self) {
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
        let mut last_reminder = self
            .last_reminder
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if last_reminder.elapsed() > REMINDER {
            *last_reminder = Instant::now();
            eprintln!("  {}", line.trim());
        }
    }
}
