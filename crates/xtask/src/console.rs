//! Progress on the terminal: a line that moves where somebody looks, plain lines where nobody does.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use testkit::progress::Progress;

const FRAME: Duration = Duration::from_millis(120);

/// How often plain output says that a long step still runs.
const REMINDER: Duration = Duration::from_secs(30);

/// Standard error, as a place for progress.
pub(crate) struct Console {
    spinner: Option<ProgressBar>,
    spoken: std::sync::Mutex<Instant>,
}

impl Console {
    pub(crate) fn new() -> Self {
        let spinner = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg:.dim}");
            let bar = ProgressBar::new_spinner();
            bar.set_style(style.expect("a good template"));
            bar
        });
        Self {
            spinner,
            spoken: std::sync::Mutex::new(Instant::now()),
        }
    }

    /// Leaves the last step as a plain line, for others to write below.
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
        let mut spoken = self
            .spoken
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if spoken.elapsed() > REMINDER {
            *spoken = Instant::now();
            eprintln!("  {}", line.trim());
        }
    }
}
