//! The Dockerfile and the workflows, by the linters that everybody uses.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::inspection::Finding;
use super::tools::Tools;
use crate::cargo::root;

/// What the linters say, each in one finding.
pub(crate) fn lint(tools: &Tools) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let dockerfile = Path::new("infra/docker/Dockerfile");
    let config = Path::new("infra/docker/hadolint.yaml");
    if root().join(dockerfile).is_file() {
        let mut hadolint = Command::new(tools.hadolint());
        if root().join(config).is_file() {
            hadolint.arg("--config").arg(config);
        }
        hadolint.arg(dockerfile);
        findings.extend(run(hadolint, dockerfile, &tools.hadolint())?);
    }
    let workflows = workflows()?;
    if !workflows.is_empty() {
        let folder = Path::new(".github/workflows");
        let mut actionlint = Command::new(tools.actionlint());
        actionlint
            .args(["-color=false", "-pyflakes=", "-shellcheck"])
            .arg(tools.shellcheck())
            .args(&workflows);
        findings.extend(run(actionlint, folder, &tools.actionlint())?);
        let mut zizmor = Command::new(tools.zizmor());
        zizmor
            .args(["--offline", "--quiet", "--no-progress"])
            .args(["--strict-collection", "--persona=regular"])
            .arg(folder);
        findings.extend(run(zizmor, folder, &tools.zizmor())?);
    }
    Ok(findings)
}

fn workflows() -> Result<Vec<PathBuf>> {
    let folder = root().join(".github/workflows");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let files = std::fs::read_dir(&folder).context("cannot list the workflows")?;
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|kind| kind == "yaml" || kind == "yml")
    });
    paths.sort();
    Ok(paths)
}

fn run(mut linter: Command, place: &Path, program: &Path) -> Result<Option<Finding>> {
    let name = program
        .file_name()
        .unwrap_or_default()
        .display()
        .to_string();
    // Not every system has a build of each.
    if !program.is_file() {
        eprintln!("· {name}: left out, there is none for this system");
        return Ok(None);
    }
    let output = linter
        .current_dir(root())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    if output.status.success() {
        return Ok(None);
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said)
        .trim()
        .replace('\n', "\n    ");
    Ok(Some(Finding::new(
        place.display(),
        format!("{name} says:\n    {said}\n"),
        "each line names the rule that it breaks",
    )))
}
