//! How much memory the services' processes hold.

use std::fs;

use testkit::Fleet;

/// What each service holds, in MiB; nothing where the system does not tell.
#[derive(Debug)]
pub(super) struct Memory(Vec<(String, u64)>);

impl Memory {
    pub(super) fn of(fleet: &Fleet) -> Self {
        let services = fleet.services().filter_map(|service| {
            let held = resident(service.pid()?)?;
            Some((service.to_string(), held))
        });
        Self(services.collect())
    }

    /// Each service with what it held before and after.
    pub(super) fn compared_to(&self, after: &Self) -> Vec<(String, u64, u64)> {
        let both = self.0.iter().zip(&after.0);
        both.map(|((name, before), (_, after))| (name.clone(), *before, *after))
            .collect()
    }
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1_024)
}
