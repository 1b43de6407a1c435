//! The program as an operator runs it, on a fleet of real processes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod operator;
mod shop;
mod usage;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a command may take on a busy machine. An audit waits to see whether its findings last.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The output and exit code of a command.
#[derive(Debug)]
struct Answer {
    code: i32,
    text: String,
    errors: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn lines(&self) -> Vec<Value> {
        let lines = self.text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Runs the program with the fleet's file as its only setting.
async fn ticketctl(fleet: &Path, arguments: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketctl"));
    command
        .env_clear()
        .env("TICKETCTL_FLEET", fleet)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = timeout(TIMEOUT, command.output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = ended.expect("it ends").unwrap();
    Answer {
        code: status.code().unwrap(),
        text: String::from_utf8(stdout).unwrap(),
        errors: String::from_utf8(stderr).unwrap(),
    }
}
