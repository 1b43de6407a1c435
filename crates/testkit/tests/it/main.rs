//! Tests of the development tools: servers, links with faults, the gateway, the mail catcher and the browser.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod browser;
mod gateway;
mod initiate;
#[cfg(target_os = "linux")]
mod links;
mod mail;
mod process;
mod proxy;
mod servers;
#[cfg(target_os = "linux")]
mod usage;

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Runs an ignored test of this binary as another process, a parent of other processes. Returns it with the rest of the
/// line on which it prints `marker`.
async fn start_parent(test: &str, marker: &str) -> (Child, String) {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", test, "--nocapture"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("the marker");
        if let Some((_, text)) = line.split_once(marker) {
            return (parent, text.trim().to_owned());
        }
    }
}
