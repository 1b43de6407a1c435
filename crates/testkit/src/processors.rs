//! Who computes where when something is measured: the load has a processor of its own, so that what it costs to ask is
//! not taken for what it costs to answer.
//!
//! Where there is but one processor, or the system knows no affinities, all share what there is.

use std::fmt;

use anyhow::Result;

/// How the machine is divided.
#[derive(Debug)]
pub struct Processors {
    fleet: Vec<usize>,
    divided: bool,
}

impl fmt::Display for Processors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fleet, divided) = (self.fleet.len(), self.divided);
        if divided {
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
    /// Gives this process, which makes the load, the last of the processors; and those that it has started, the fleet
    /// with its servers, the others.
    #[cfg(target_os = "linux")]
    pub fn divide() -> Result<Self> {
        let all = available()?;
        let Some((&last, others)) = all.split_last().filter(|(_, others)| !others.is_empty())
        else {
            return Ok(Self {
                fleet: all,
                divided: false,
            });
        };
        let divided = Self {
            fleet: others.to_vec(),
            divided: true,
        };
        bind(std::process::id(), &[last])?;
        for child in children()? {
            divided.give_to_fleet(child)?;
        }
        Ok(divided)
    }

    /// Only Linux has affinities that we know to set.
    #[cfg(not(target_os = "linux"))]
    pub fn divide() -> Result<Self> {
        let all = std::thread::available_parallelism()?.get();
        Ok(Self {
            fleet: (0..all).collect(),
            divided: false,
        })
    }

    /// Counts a process that was started later to the fleet.
    pub fn give_to_fleet(&self, process: u32) -> Result<()> {
        #[cfg(target_os = "linux")]
        if self.divided {
            return bind(process, &self.fleet);
        }
        let _ = process;
        Ok(())
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
fn bind(process: u32, processors: &[usize]) -> Result<()> {
    let mut wanted = nix::sched::CpuSet::new();
    for &processor in processors {
        wanted.set(processor)?;
    }
    for entry in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let name = entry?.file_name();
        if let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) {
            let thread = nix::unistd::Pid::from_raw(thread);
            // An error means that the thread has ended.
            let _ = nix::sched::sched_setaffinity(thread, &wanted);
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
