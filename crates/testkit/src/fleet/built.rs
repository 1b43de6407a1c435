//! Where cargo and the shop's build put what they made.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};

use super::SERVICES;
use crate::target_folder;

/// What a fleet runs.
#[derive(Debug)]
pub(super) struct Built {
    /// The folder of the services' binaries.
    pub(super) binaries: PathBuf,
    /// The folder of the shop's script, style and pictures.
    pub(super) site: PathBuf,
}

impl Built {
    /// What was built of this profile, in the target folder that this very program was built in.
    pub(super) fn find(release: bool) -> Result<Self> {
        let target = target_folder()?;
        let binaries = target.join(if release { "release" } else { "debug" });
        for service in SERVICES {
            if !binaries.join(service).is_file() {
                let release = if release { " --release" } else { "" };
                let missing = binaries.join(service);
                bail!("no {}: cargo build{release}", missing.display());
            }
        }
        let site = target.join("site");
        let list = site.join("assets.json");
        ensure!(list.is_file(), "no {}: cargo xtask client", list.display());
        Ok(Self { binaries, site })
    }
}
