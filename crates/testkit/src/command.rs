//! Runs external commands (compilers, installers), and passes on each line of their output.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::die_with_parent;
use crate::progress::Progress;

/// How many lines of a failed command's output are shown.
const SHOWN_LINES: usize = 20;

/// Runs a command to its end, and passes each line of its output to `progress`.
pub fn run_visibly(mut command: Command, progress: &dyn Progress) -> Result<()> {
    let name = command.get_program().to_owned();
    let (reader, writer) = std::io::pipe().context("no pipe")?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("no pipe")?)
        .stderr(writer);
    die_with_parent(&mut command);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", name.display()))?;
    // The command holds a writing end of the pipe. The loop ends when all are closed.
    drop(command);
    let mut last = VecDeque::with_capacity(SHOWN_LINES);
    for line in BufReader::new(reader).lines().map_while(Result::ok) {
        progress.detail(&line);
        if last.len() == SHOWN_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    let status = child.wait().context("cannot wait for a child")?;
    if !status.success() {
        let last = last.into_iter().collect::<Vec<_>>().join("\n");
        bail!("{} failed ({status}):\n{last}", name.display());
    }
    Ok(())
}
