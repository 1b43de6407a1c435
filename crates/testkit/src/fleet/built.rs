//! Where cargo and the shop's build put what they made.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};

use super::SERVICES;
use crate::{programs_folder, target_folder};

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
        let binaries = programs_folder(release)?;
        for service in SERVICES {
            if !binaries.join(service).is_file() {
                let missing = binaries.join(service);
                let build = if release {
                    "cargo xtask up --release"
                } else {
                    "cargo build"
                };
                bail!("no {}: {build}", missing.display());
            }
        }
        let site = target_folder()?.join("site");
        let list = site.join("assets.json");
        ensure!(list.is_file(), "no {}: cargo xtask client", list.display());
        Ok(Self { binaries, site })
    }
}
