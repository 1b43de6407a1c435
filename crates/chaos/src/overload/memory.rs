//! The memory of the services' processes.

use testkit::{Fleet, usage};

const KIBIBYTES_A_MEBIBYTE: u64 = 1_024;

/// The memory of each process in MiB, where the system reports it.
#[derive(Debug)]
pub(super) struct Memory(Vec<(String, u64)>);

impl Memory {
    pub(super) fn of(fleet: &Fleet) -> Self {
        let services = fleet.services().filter_map(|service| {
            let resident = usage::working_set(service.pid()?)? / KIBIBYTES_A_MEBIBYTE;
            Some((service.to_string(), resident))
        });
        Self(services.collect())
    }

    /// The memory of each process before and after.
    pub(super) fn compared_to(&self, after: &Self) -> Vec<(String, u64, u64)> {
        let both = self.0.iter().zip(&after.0);
        both.map(|((name, before), (_, after))| (name.clone(), *before, *after))
            .collect()
    }
}
