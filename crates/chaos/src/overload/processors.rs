//! Who computes where: the load has a processor of its own, so that what it costs to ask is not taken for what it costs
//! to answer.
//!
//! Where there is but one processor, or the system knows no affinities, all share what there is.

use std::fmt;

use anyhow::Result;
use testkit::Fleet;

/// How the machine is divided.
#[derive(Debug)]
pub(super) struct Processors {
    fleet: usize,
    divided: bool,
}

impl fmt::Display for Processors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fleet, divided } = self;
        if *divided {
            write!(
                f,
                "the fleet on {fleet} of the processors, the load on another"
            )
        } else {
            write!(f, "the fleet and the load share {fleet} processors")
        }
    }
}

impl Processors {
    /// Gives the load the last of the processors, and the fleet, its servers included, the others.
    #[cfg(target_os = "linux")]
    pub(super) fn divide(_fleet: &Fleet) -> Result<Self> {
        use nix::sched::CpuSet;

        let all = available()?;
        let Some((&last, others)) = all.split_last().filter(|(_, others)| !others.is_empty())
        else {
            return Ok(Self {
                fleet: all.len(),
                divided: false,
            });
        };
        let mut load = CpuSet::new();
        load.set(last)?;
        let mut fleet = CpuSet::new();
        for &other in others {
            fleet.set(other)?;
        }
        bind(std::process::id(), &load)?;
        for child in children()? {
            bind(child, &fleet)?;
        }
        Ok(Self {
            fleet: others.len(),
            divided: true,
        })
    }

    /// Only Linux has affinities that we know to set.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn divide(_: &Fleet) -> Result<Self> {
        let fleet = std::thread::available_parallelism()?.get();
        let divided = false;
        Ok(Self { fleet, divided })
    }
}

#[cfg(target_os = "linux")]
fn available() -> Result<Vec<usize>> {
    use nix::sched::{CpuSet, sched_getaffinity};
    use nix::unistd::Pid;

    let ours = sched_getaffinity(Pid::from_raw(0))?;
    let ours = (0..CpuSet::count()).filter(|number| ours.is_set(*number).unwrap_or(false));
    Ok(ours.collect())
}

/// Binds every thread of a process; those that it starts later follow.
#[cfg(target_os = "linux")]
fn bind(process: u32, processors: &nix::sched::CpuSet) -> Result<()> {
    for entry in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let name = entry?.file_name();
        if let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) {
            let thread = nix::unistd::Pid::from_raw(thread);
            // An error means that the thread has ended.
            let _ = nix::sched::sched_setaffinity(thread, processors);
        }
    }
    Ok(())
}

/// The processes that were started by this one.
#[cfg(target_os = "linux")]
fn children() -> Result<Vec<u32>> {
    let us = format!("PPid:\t{}", std::process::id());
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(process) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that cannot be read has ended.
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if status.lines().any(|line| line == us) {
            children.push(process);
        }
    }
    Ok(children)
}
