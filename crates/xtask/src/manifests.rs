//! `cargo xtask manifests`: checks what is deployed.
//!
//! It renders every overlay with Kustomize and checks the objects against the schemas of the Kubernetes API, against
//! the services' own descriptions (`--describe`) and against our rules. It starts a broker with the deployed
//! configuration and tries every user's permissions. Trivy checks the workloads; other linters check the Dockerfile and
//! the workflows.

mod broker;
mod descriptions;
mod documented;
mod inspection;
mod linters;
mod object;
mod report;
mod rules;
mod schema;
mod selector;
mod tools;
mod traffic;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use testkit::progress::Progress;

use crate::cargo::root;
use crate::console::Console;
use crate::stop::StopSignals;
use inspection::{Inspection, Known, Overlay};
use report::Report;
use schema::{RELEASES, Schemas};
use tools::Tools;

/// The folders that are applied, and whether they are for production.
const OVERLAYS: [(&str, bool); 4] = [
    ("k8s", false),
    ("k8s-dev", false),
    ("k8s-prod", true),
    ("k8s-gateway", true),
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Check only these overlays: names of folders in infra, or paths of your own overlays, which are applied unchanged
    #[arg(long = "overlay", value_name = "NAME|PATH")]
    overlays: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (begun, mut stop) = (Instant::now(), StopSignals::listen()?);
    let console = Arc::new(Console::new());
    let checked = tokio::select! {
        checked = check(arguments, &console) => checked,
        () = stop.next() => anyhow::bail!("stopped before all checks were done"),
    };
    console.pause();
    let report = checked?;
    report.print();
    let seconds = begun.elapsed().as_secs();
    Ok(if report.is_clean() {
        eprintln!("· manifests: clean, after {seconds} s");
        ExitCode::SUCCESS
    } else {
        eprintln!("· manifests: FAILED, see above");
        ExitCode::FAILURE
    })
}

async fn check(arguments: &Arguments, console: &Arc<Console>) -> Result<Report> {
    let tools = Tools::find(&**console)?;
    let known = known(console).await?;
    let mut report = Report::new()?;
    let mut overlays = Vec::new();
    let mut schemas = RELEASES.map(|release| Schemas::of(release, &tools.schemas));
    for place in places(&arguments.overlays)? {
        let name = &place.name;
        console.step(&format!("checking {}", place.folder.display()));
        let overlay = render(&tools, &place)?;
        let inspection = Inspection {
            overlay: &overlay,
            known: &known,
        };
        for object in &overlay.objects {
            report.add(name, schema::check(&mut schemas, object)?);
        }
        report.add(name, rules::inspect(&inspection));
        let progress = Arc::clone(console) as Arc<dyn Progress>;
        report.add(name, broker::check(&inspection, &progress).await?);
        overlays.push(overlay);
    }
    console.step("linting the workloads, the Dockerfile and the workflows");
    let of_workloads = linters::lint_workloads(&tools.trivy(), &overlays)?;
    report.add("", of_workloads.into_iter().collect());
    report.add("", linters::lint(&tools)?);
    Ok(report)
}

async fn known(console: &Arc<Console>) -> Result<Known> {
    console.step("building the services and reading their descriptions");
    console.pause();
    let mut stop = StopSignals::listen()?;
    let services = descriptions::read(&mut stop).await?;
    let page = fs::read_to_string(root().join(documented::PAGE)).context(documented::PAGE)?;
    let skaffold = fs::read_to_string(root().join("skaffold.yaml")).context("no skaffold.yaml")?;
    Ok(Known {
        services,
        secrets: documented::secrets(&page),
        images: Some(documented::built_images(&skaffold)?),
    })
}

struct Place {
    name: String,
    folder: PathBuf,
    is_production: bool,
    is_final: bool,
}

/// The overlays to check: all of ours by default.
fn places(wanted: &[String]) -> Result<Vec<Place>> {
    let ours = |(name, is_production): (&str, bool)| Place {
        name: name.to_owned(),
        folder: root().join("infra").join(name),
        is_production,
        is_final: false,
    };
    if wanted.is_empty() {
        return Ok(OVERLAYS.into_iter().map(ours).collect());
    }
    let place = |wanted: &String| {
        if let Some(known) = OVERLAYS.into_iter().find(|(name, _)| name == wanted) {
            return Ok(ours(known));
        }
        let folder = PathBuf::from(wanted);
        anyhow::ensure!(folder.is_dir(), "there is no overlay {wanted}");
        Ok(Place {
            name: wanted.clone(),
            folder,
            is_production: true,
            is_final: true,
        })
    };
    wanted.iter().map(place).collect()
}

fn render(tools: &Tools, place: &Place) -> Result<Overlay> {
    let rendered = tools.render(&place.folder)?;
    let objects = object::read_all(&rendered);
    Ok(Overlay {
        is_production: place.is_production,
        is_final: place.is_final,
        objects: objects.with_context(|| place.folder.display().to_string())?,
    })
}
