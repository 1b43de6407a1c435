//! A process's CPU time and memory, from `/proc`. Without `/proc` the values are `None`.

use std::fs;
use std::time::Duration;

/// The unit of times in `/proc/<pid>/stat`: `USER_HZ`, which is 100 on every architecture that we run on.
const TICK: Duration = Duration::from_millis(10);

/// The positions of `utime` and `stime` after the program's name, counted from the state (proc(5)).
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// The CPU time of the process since its start, in user mode and in the kernel.
#[must_use]
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may itself contain brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(TICK * (ticks(USER_TIME)? + ticks(SYSTEM_TIME)?))
}

/// The resident memory of the process, in KiB.
#[must_use]
pub fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    kibibytes(&status, "VmRSS:")
}

/// The peak of the resident memory of the process, in KiB.
#[must_use]
pub fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    kibibytes(&status, "VmHWM:")
}

/// Starts to count the memory that the process uses: see [`used`].
pub fn begin_use(pid: u32) {
    // After an error, all resident memory counts as used.
    drop(fs::write(format!("/proc/{pid}/clear_refs"), "1"));
}

/// The memory that the process accessed since [`begin_use`], in KiB. The other resident pages are mostly parts of its
/// program that were read ahead, or that only the start needed.
#[must_use]
pub fn used(pid: u32) -> Option<u64> {
    let all = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    kibibytes(&all, "Referenced:")
}

/// The value of the line with this name.
fn kibibytes(lines: &str, name: &str) -> Option<u64> {
    let line = lines.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
