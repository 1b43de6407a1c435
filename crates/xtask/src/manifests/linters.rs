//! Runs the linters: Trivy for workloads, hadolint for the Dockerfile, actionlint and zizmor for the workflows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::inspection::{Finding, Overlay};
use super::tools::Tools;
use crate::cargo::root;

/// Prints one finding per line.
const TRIVY_TEMPLATE: &str = "{{range .}}{{$file := .Target}}{{range .Misconfigurations}}\
    {{$file}}: {{.ID}}: {{.Message}}. {{.Resolution}}\n{{end}}{{end}}";

/// Checks all workloads against Pod Security `restricted`, and for resource requests, memory limits and read-only root
/// file systems. `infra/trivyignore.yaml` lists the checks that do not apply.
///
/// The overlays share most of their workloads, so each distinct one is checked once.
pub(crate) fn lint_workloads<'a>(
    trivy: &Path,
    overlays: impl IntoIterator<Item = &'a Overlay>,
) -> Result<Option<Finding>> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let objects = overlays.into_iter().flat_map(|overlay| &overlay.objects);
    for object in objects.filter(|object| object.pod().is_some()) {
        let manifest = object.value().to_string();
        let digest = hex::encode(&Sha256::digest(&manifest)[..4]);
        let name = format!("{}-{}-{digest}.json", object.kind(), object.name());
        fs::write(folder.path().join(name), manifest).context("cannot write a manifest")?;
    }
    let mut command = Command::new(trivy);
    command
        .args(["config", "--quiet", "--exit-code=1", "--format=template"])
        .args(["--skip-check-update", "--skip-version-check"])
        .args(["--disable-telemetry", "--misconfig-scanners=kubernetes"])
        .args(["--ignorefile=infra/trivyignore.yaml", "--template"])
        .arg(TRIVY_TEMPLATE)
        .arg(folder.path());
    run(command, Path::new("infra"), trivy)
}

/// Lints the Dockerfile and the workflows. Returns one finding per linter that complains.
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
    let files = fs::read_dir(&folder).context("cannot list the workflows")?;
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
    if !program.is_file() {
        eprintln!("· {name}: skipped, there is no package for this system");
        return Ok(None);
    }
    let output = linter
        .current_dir(root())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    if output.status.success() {
        return Ok(None);
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed)
        .trim()
        .replace('\n', "\n    ");
    Ok(Some(Finding::new(
        place.display(),
        format!("{name} reports:\n    {printed}\n"),
        "see the rule that each line names",
    )))
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use testkit::progress::ToStderr;

    use super::super::object::read_all;
    use super::super::tools::trivy;
    use super::*;

    #[test]
    fn trivy_finds_each_workload_that_is_not_restricted() {
        let pod = |name: &str, context: &str| {
            format!(
                "
apiVersion: v1
kind: Pod
metadata: {{ name: {name}, namespace: shop }}
spec:
  securityContext: {{ runAsNonRoot: true, seccompProfile: {{ type: RuntimeDefault }} }}
  containers:
    - name: main
      image: nats@sha256:00
      resources: {{ requests: {{ cpu: 1m, memory: 1Mi }}, limits: {{ memory: 1Mi }} }}
      securityContext: {{ allowPrivilegeEscalation: false, capabilities: {{ drop: [ALL] }}, {context} }}
"
            )
        };
        let lint = |yaml: &str| {
            let overlay = Overlay {
                is_production: true,
                is_final: false,
                objects: read_all(yaml).unwrap(),
            };
            lint_workloads(&trivy(&ToStderr).unwrap(), [&overlay]).unwrap()
        };
        let right = pod("right", "readOnlyRootFilesystem: true");
        assert_eq!(lint(&right), None);
        let wrong = pod("wrong", "privileged: true");
        let finding = lint(&format!("{right}---{wrong}")).unwrap().wrong;
        assert!(!finding.contains("Pod-right"), "{finding}");
        for rule in ["Pod-wrong", "KSV-0014", "KSV-0017"] {
            assert!(finding.contains(rule), "{finding}");
        }
    }
}
