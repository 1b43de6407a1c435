//! Where cargo put the services' binaries.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::SERVICES;

/// The folder of the profile's binaries, in the target folder that this very program was built in.
pub(super) fn folder(release: bool) -> Result<PathBuf> {
    let program = std::env::current_exe().context("a program knows where it is")?;
    // A tool lies in `<target>/<profile>`, a test in `<target>/<profile>/deps`.
    let target = program
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"))
        .and_then(|profile| profile.parent())
        .context("not in a target folder of cargo's")?;
    let folder = target.join(if release { "release" } else { "debug" });
    for service in SERVICES {
        if !folder.join(service).is_file() {
            let release = if release { " --release" } else { "" };
            let missing = folder.join(service);
            bail!("no {}: cargo build{release}", missing.display());
        }
    }
    Ok(folder)
}
