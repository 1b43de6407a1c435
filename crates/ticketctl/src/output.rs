//! Prints tables for people, or JSON for programs. Colours are used only on a terminal, and not if `NO_COLOR` is set.

mod spans;
mod table;

use std::io::{IsTerminal, Stdout, Write, stderr, stdout};

use console::Term;
use serde::Serialize;

use crate::failure::Failure;
pub(crate) use spans::{age, since};
pub(crate) use table::{Table, lines};

/// The width of lines that are not printed on a terminal.
const UNBOUNDED: usize = usize::MAX;

/// The output and its form.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: Stdout,
    json: bool,
    width: usize,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let terminal = Term::stdout();
        let width = match terminal.size_checked() {
            Some((_, columns)) if terminal.is_term() => columns.into(),
            _ => UNBOUNDED,
        };
        Self {
            stdout: stdout(),
            json,
            width,
        }
    }

    /// Whether to print JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// The width in columns.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// Prints the text unchanged.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Prints a line.
    pub(crate) fn line(&self, line: impl AsRef<str>) -> Result<(), Failure> {
        self.text(&format!("{}\n", line.as_ref()))
    }

    /// Prints a table.
    pub(crate) fn table(&self, table: &Table) -> Result<(), Failure> {
        self.text(&table.to_text(self.width))
    }

    /// Prints a value as a JSON document of several lines.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value);
        self.line(text.expect("what is printed has string keys and finite numbers only"))
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value);
        self.line(text.expect("what is printed has string keys and finite numbers only"))
    }

    /// Shows the progress on a terminal.
    pub(crate) fn progress(&self, text: &str) {
        if stderr().is_terminal() && !self.json {
            eprint!("\r\x1b[K{text}");
        }
    }

    /// Clears the progress.
    pub(crate) fn end_progress(&self) {
        self.progress("");
    }
}
