//! Debian packages.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::search_path;
use crate::command::run_visibly;
use crate::progress::Progress;

/// Installs packages without starting their services.
pub(super) fn install(packages: &[&str], progress: &dyn Progress) -> Result<()> {
    let list = packages.join(" ");
    let by_hand = format!("install it yourself: apt-get install {list}");
    ensure!(
        search_path("apt-get").is_some(),
        "no apt-get here; {by_hand}"
    );
    progress.step(&format!("installing Debian packages: {list}"));
    // Debian starts the service of a newly installed package, unless policy-rc.d forbids it.
    let script = format!(
        "set -e; export DEBIAN_FRONTEND=noninteractive; policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            printf '#!/bin/sh\\nexit 101\\n' > $policy; chmod 755 $policy; trap 'rm -f $policy' EXIT
        fi
        apt-get update; apt-get install -y --no-install-recommends {list}"
    );
    let root = nix::unistd::geteuid().is_root();
    let mut shell = if root {
        Command::new("sh")
    } else {
        ensure!(
            search_path("sudo").is_some(),
            "not root, and no sudo; {by_hand}"
        );
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "sh"]);
        sudo
    };
    shell.arg("-c").arg(script);
    run_visibly(shell, progress).context(by_hand)
}
