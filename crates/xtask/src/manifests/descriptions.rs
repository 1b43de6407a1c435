//! Reads the services' own descriptions.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use service::description::Description;
use testkit::fleet::SERVICES;
use testkit::target_folder;

use crate::cargo;
use crate::stop::StopSignals;

/// Builds the services and runs each with `--describe`.
pub(crate) async fn read(stop: &mut StopSignals) -> Result<Vec<Description>> {
    if !cargo::build_services(false, stop).await? {
        bail!("stopped before the services were built");
    }
    let folder = target_folder()?.join("debug");
    SERVICES
        .iter()
        .map(|service| {
            let program = folder.join(service);
            let output = Command::new(&program)
                .arg("--describe")
                .env_clear()
                .output()
                .with_context(|| format!("cannot run {}", program.display()))?;
            ensure!(output.status.success(), "{service} --describe failed");
            serde_json::from_slice(&output.stdout)
                .with_context(|| format!("cannot read the output of {service} --describe"))
        })
        .collect()
}
