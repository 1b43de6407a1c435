//! What the operating system has counted of a process: the time it computed and the memory it holds.
//!
//! Read from `/proc`; where there is none, nothing is known.

use std::fs;
use std::time::Duration;

/// The unit of times in `/proc/<pid>/stat`: `USER_HZ`, which is 100 on every architecture that we run on.
const TICK: Duration = Duration::from_millis(10);

/// Where `utime` and `stime` stand behind the program's name, counted from the state (proc(5)).
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// How long the process has computed since it began, for itself and in the kernel.
#[must_use]
pub fn computed(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may have anything in it, brackets too.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(TICK * (ticks(USER_TIME)? + ticks(SYSTEM_TIME)?))
}

/// How much memory the process holds, in KiB.
#[must_use]
pub fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    kibibytes(&status, "VmRSS:")
}

/// The most memory that the process ever held, in KiB.
#[must_use]
pub fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    kibibytes(&status, "VmHWM:")
}

/// Begins to tell what memory the process uses from what it holds: from now on [`used`] counts.
pub fn begin_use(pid: u32) {
    // Where it cannot be told, all counts as used.
    drop(fs::write(format!("/proc/{pid}/clear_refs"), "1"));
}

/// How much of its memory the process used since [`begin_use`], in KiB. The rest are above all pages of its program which
/// came along with others, or which starting needed.
#[must_use]
pub fn used(pid: u32) -> Option<u64> {
    let all = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    kibibytes(&all, "Referenced:")
}

/// What the line of this name says.
fn kibibytes(lines: &str, name: &str) -> Option<u64> {
    let line = lines.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
