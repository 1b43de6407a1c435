//! Processor affinities for measurements: the load generator gets its own processor, so that its cost is not counted as
//! the fleet's.
//!
//! With only one processor, or on a system without affinities, all processes share the processors.

use std::fmt;

use anyhow::Result;
#[cfg(target_os = "linux")]
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
#[cfg(target_os = "linux")]
use nix::unistd::Pid;

#[cfg(target_os = "linux")]
use crate::process::bind_children;

/// How the processors are divided.
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
    /// Binds this process, the load generator, to the last processor, and the processes that it starts from now on (the
    /// fleet and its servers) to the others.
    #[cfg(target_os = "linux")]
    pub async fn divide() -> Result<Self> {
        let all = available()?;
        let Some((&last, others)) = all.split_last().filter(|(_, others)| !others.is_empty())
        else {
            return Ok(Self {
                fleet: all,
                divided: false,
            });
        };
        bind_this_process(last)?;
        bind_children(set_of(others)?).await?;
        Ok(Self {
            fleet: others.to_vec(),
            divided: true,
        })
    }

    /// Affinities are set only on Linux.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_async, reason = "it is asynchronous on Linux")]
    pub async fn divide() -> Result<Self> {
        let all = std::thread::available_parallelism()?.get();
        Ok(Self {
            fleet: (0..all).collect(),
            divided: false,
        })
    }
}

#[cfg(target_os = "linux")]
fn available() -> Result<Vec<usize>> {
    let ours = sched_getaffinity(Pid::from_raw(0))?;
    let ours = (0..CpuSet::count()).filter(|number| ours.is_set(*number).unwrap_or(false));
    Ok(ours.collect())
}

#[cfg(target_os = "linux")]
fn set_of(processors: &[usize]) -> Result<CpuSet> {
    let mut set = CpuSet::new();
    for &processor in processors {
        set.set(processor)?;
    }
    Ok(set)
}

/// Binds every thread of this process. Later threads inherit the affinity.
#[cfg(target_os = "linux")]
fn bind_this_process(processor: usize) -> Result<()> {
    let wanted = set_of(&[processor])?;
    for entry in std::fs::read_dir("/proc/self/task")? {
        let name = entry?.file_name();
        if let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) {
            // An error means that the thread has ended.
            let _ = sched_setaffinity(Pid::from_raw(thread), &wanted);
        }
    }
    Ok(())
}
