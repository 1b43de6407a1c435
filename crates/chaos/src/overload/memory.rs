//! How much memory the services' processes hold.

use testkit::{Fleet, usage};

const KIBIBYTES_A_MEBIBYTE: u64 = 1_024;

/// What each service holds, in MiB; nothing where the system does not tell.
#[derive(Debug)]
pub(super) struct Memory(Vec<(String, u64)>);

impl Memory {
    pub(super) fn of(fleet: &Fleet) -> Self {
        let services = fleet.services().filter_map(|service| {
            let held = usage::working_set(service.pid()?)? / KIBIBYTES_A_MEBIBYTE;
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
