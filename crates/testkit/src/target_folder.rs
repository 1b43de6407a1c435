//! Where cargo puts what it builds.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The target folder of cargo's that this very program was built in.
pub fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("a program knows where it is")?;
    // A tool lies in `<target>/<profile>`, a test in `<target>/<profile>/deps`.
    let mut folders = program
        .ancestors()
        .skip(1)
        .skip_while(|folder| folder.ends_with("deps"));
    let target = folders
        .nth(1)
        .context("not in a target folder of cargo's")?;
    Ok(target.to_owned())
}

/// The folder of the programs that cargo built.
pub fn programs_folder(release: bool) -> Result<PathBuf> {
    let profile = if release { "release" } else { "debug" };
    Ok(target_folder()?.join(profile))
}
