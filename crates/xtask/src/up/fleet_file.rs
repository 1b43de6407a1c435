//! The file with the addresses of the running fleet, by which `ticketctl` finds it.

use std::path::PathBuf;

use anyhow::Result;
use testkit::{Fleet, target_folder};

/// `ticketctl` looks for this name in the target folder in which it was built.
const NAME: &str = "fleet.json";

/// The file. It is removed on drop.
pub(super) struct FleetFile(PathBuf);

impl FleetFile {
    /// Writes the file, without Stripe if it is not the stand-in: a real key must not be written to disk.
    pub(super) fn write(fleet: &Fleet) -> Result<Self> {
        let path = target_folder()?.join(NAME);
        let addresses = fleet.addresses();
        let addresses = if std::env::var_os("STRIPE_KEY").is_some() {
            addresses.without_stripe()
        } else {
            addresses
        };
        addresses.write(&path)?;
        Ok(Self(path))
    }
}

impl Drop for FleetFile {
    fn drop(&mut self) {
        // Another process may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}
