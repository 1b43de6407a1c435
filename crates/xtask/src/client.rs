//! `cargo xtask client`: the shop's static files, among them the WASM that brings its pages to life.
//!
//! They end in `<target>/site`, which the client's server is told of by `SITE_ROOT`.

mod bundle;
mod site;
mod toolchain;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use testkit::progress::Progress;

use crate::cargo;
use crate::console::Console;
use crate::stop::StopSignals;
use site::Site;

pub(crate) use toolchain::install as install_toolchain;

/// The most that script and WASM may weigh in all, compressed by brotli, in bytes: what a slow telephone (400 kbit/s)
/// loads in little more than a second, while the page is read already.
const BUDGET: usize = 60 * 1024;

pub(crate) async fn run() -> Result<ExitCode> {
    let mut stop = StopSignals::listen()?;
    let console = Arc::new(Console::new());
    let built = build(&console, &mut stop).await?;
    Ok(if built { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the site; false if told to stop before it was built.
pub(crate) async fn build(console: &Arc<Console>, stop: &mut StopSignals) -> Result<bool> {
    console.step("building the shop's static files");
    console.pause();
    let progress = console.clone();
    let building = tokio::task::spawn_blocking(move || build_now(&progress));
    tokio::select! {
        built = building => built.context("the build panicked")?.map(|()| true),
        // What it has started ends with us.
        () = stop.next() => Ok(false),
    }
}

fn build_now(console: &Console) -> Result<()> {
    let target = target_folder()?;
    let bundle = bundle::build(&target.join("wasm"), console)?;
    console.pause();
    let mut site = Site::new();
    site.add("client.js", bundle.script);
    site.add("client_bg.wasm", bundle.wasm);
    let client = cargo::root().join("services/client");
    site.add("shop.css", site::concatenated(&client.join("style"))?);
    site.add_all(&client.join("assets"))?;
    let files = site.write(&target.join("site"))?;
    for file in &files {
        eprintln!(
            "  {:<28}{:>8} bytes{:>8} gzip{:>8} brotli",
            file.name, file.raw, file.gzip, file.brotli
        );
    }
    let code = files.iter().filter(|file| file.is_code());
    let weight: usize = code.map(|file| file.brotli).sum();
    if weight > BUDGET {
        bail!("script and WASM weigh {weight} bytes compressed; the budget is {BUDGET}");
    }
    Ok(())
}

/// The target folder of cargo's that this very program was built in.
fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("a program knows where it is")?;
    let target = program.parent().and_then(|profile| profile.parent());
    Ok(target.context("not in a target folder of cargo's")?.to_owned())
}
