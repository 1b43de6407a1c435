//! The build output that a fleet runs.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};

use super::SERVICES;
use crate::{programs_folder, target_folder};

/// The build output.
#[derive(Debug)]
pub(super) struct Built {
    /// The folder of the services' binaries.
    pub(super) binaries: PathBuf,
    /// The folder of the shop's script, style and pictures.
    pub(super) site: PathBuf,
}

impl Built {
    /// Finds the build output of this profile in the target folder of this program.
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
