//! What the operating system has counted for a process: CPU time and memory, read from `/proc`.
//!
//! Memory is the *working set*, which Kubernetes reports for a container and evicts by: `memory.current` of its cgroup
//! less `inactive_file`. Processes that share a cgroup have no such figure of their own. For them [`working_set`]
//! counts anonymous and shared memory, and [`mapped_files`] counts separately the pages of programs and other files
//! that the process has mapped: the kernel drops and rereads those when memory is short, and a container's working set
//! contains only the active ones. The container's figure thus lies between the first and the sum of both; the kernel's
//! own memory (socket buffers, page tables) is in neither.

use std::fs;
use std::time::Duration;

/// The unit of times in `/proc/<pid>/stat`: `USER_HZ`, which is 100 on every architecture that we run on.
const TICK: Duration = Duration::from_millis(10);

/// Positions of `utime` and `stime` after the program's name, counted from the state (proc(5)).
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// CPU time of the process since it began, user and system.
#[must_use]
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may contain anything, brackets too.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(TICK * (ticks(USER_TIME)? + ticks(SYSTEM_TIME)?))
}

/// Anonymous and shared memory of the process, in KiB.
#[must_use]
pub fn working_set(pid: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    Some(kibibytes(&rollup, "Pss_Anon:")? + kibibytes(&rollup, "Pss_Shmem:")?)
}

/// File pages that the process has mapped, in KiB; each is divided by the number of processes that map it.
#[must_use]
pub fn mapped_files(pid: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    kibibytes(&rollup, "Pss_File:")
}

/// The peak resident set of the process, in KiB.
#[must_use]
pub fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    kibibytes(&status, "VmHWM:")
}

/// The value of the line with this name.
fn kibibytes(lines: &str, name: &str) -> Option<u64> {
    let line = lines.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
