//! Where cargo and the shop's build put what they made.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::SERVICES;

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

/// The target folder of cargo's.
fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("a program knows where it is")?;
    // A tool lies in `<target>/<profile>`, a test in `<target>/<profile>/deps`.
    let target = program
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"))
        .and_then(|profile| profile.parent())
        .context("not in a target folder of cargo's")?;
    Ok(target.to_owned())
}
