//! The folders of cargo's build output.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The target folder that this program was built in.
pub fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("the path of this program")?;
    // Tools are in `<target>/<profile>`, tests in `<target>/<profile>/deps`.
    let mut folders = program
        .ancestors()
        .skip(1)
        .skip_while(|folder| folder.ends_with("deps"));
    let target = folders
        .nth(1)
        .context("this program is not in a target folder")?;
    Ok(target.to_owned())
}

/// The folder of the built programs. Release programs are built for an explicit target, like the ones that ship.
pub fn programs_folder(release: bool) -> Result<PathBuf> {
    let target = target_folder()?;
    Ok(if release {
        target.join(env!("TARGET")).join("release")
    } else {
        target.join("debug")
    })
}
