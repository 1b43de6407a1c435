//! The file that says where the fleet is while it is up, so that `ticketctl` finds it by itself.

use std::path::PathBuf;

use anyhow::Result;
use testkit::{Fleet, target_folder};

/// The name under which `ticketctl` looks for it, in the target folder that it was built in.
const NAME: &str = "fleet.json";

/// The file, until it is dropped: what it says is true no longer then.
pub(super) struct FleetFile(PathBuf);

impl FleetFile {
    /// Writes it. Stripe is left out if it is not the stand-in: nobody's key is written to a disk.
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
        // Somebody else may have removed it, or the folder.
        let _ = std::fs::remove_file(&self.0);
    }
}
