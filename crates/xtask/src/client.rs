//! `cargo xtask client`: builds the shop's static files, including the WASM of its pages.
//!
//! They are in `<target>/site`. `SITE_ROOT` passes this folder to the client's server.

mod bundle;
mod compress;
mod site;
mod toolchain;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use testkit::progress::Progress;
use testkit::target_folder;

use crate::cargo;
use crate::console::Console;
use crate::stop::StopSignals;
use site::{Site, Written};
use toolchain::Toolchain;

/// The limit of the total size of script and WASM in bytes, compressed by Brotli. A slow phone (400 kbit/s) loads this
/// in little more than a second, while the page is already readable.
const BUDGET: u64 = 60 * 1024;

pub(crate) async fn run() -> Result<ExitCode> {
    let mut stop = StopSignals::listen()?;
    let console = Arc::new(Console::new());
    let built = build(&console, &mut stop).await?;
    Ok(if built {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the site. Returns false if a signal stopped it.
pub(crate) async fn build(console: &Arc<Console>, stop: &mut StopSignals) -> Result<bool> {
    console.step("building the shop's static files");
    let wasm = wasm_folder()?;
    let (folder, progress) = (wasm.clone(), console.clone());
    let prepare = move || {
        let lock = lock(&folder, &*progress)?;
        Ok((lock, bundle::compilation(&folder, &*progress)?))
    };
    let Some((_lock, compilation)) = unless_stopped(stop, prepare).await? else {
        return Ok(false);
    };
    console.pause();
    let Some(status) = cargo::run_until(compilation, stop).await? else {
        return Ok(false);
    };
    ensure!(status.success(), "the WASM does not compile; see above");
    let progress = console.clone();
    let built = unless_stopped(stop, move || write_site(&wasm, &progress)).await?;
    Ok(built.is_some())
}

/// Runs a blocking task. Returns `None` if a signal arrives first. Programs that the task started end with this
/// process.
async fn unless_stopped<T: Send + 'static>(
    stop: &mut StopSignals,
    task: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Option<T>> {
    tokio::select! {
        done = tokio::task::spawn_blocking(task) => done.context("a task panicked")?.map(Some),
        () = stop.next() => Ok(None),
    }
}

/// Installs what the build needs.
pub(crate) async fn install(console: Arc<Console>) -> Result<()> {
    let installing = tokio::task::spawn_blocking(move || bundle::install(&*console));
    installing.await.context("the install panicked")?
}

/// Clippy for the browser code of the client, or `None` if it is missing and must not be installed.
pub(crate) fn clippy(no_install: bool, progress: &dyn Progress) -> Result<Option<Command>> {
    let toolchain = if no_install {
        Toolchain::present().filter(|toolchain| toolchain.has_clippy())
    } else {
        let toolchain = Toolchain::find(progress)?;
        toolchain.install_clippy(progress)?;
        Some(toolchain)
    };
    let wasm = wasm_folder()?;
    Ok(toolchain.map(|toolchain| {
        let mut clippy = toolchain.cargo("clippy", &wasm);
        clippy.args(["--quiet", "--", "--deny", "warnings"]);
        clippy
    }))
}

fn write_site(wasm: &Path, console: &Console) -> Result<()> {
    let bundle = bundle::bundle(wasm, console)?;
    let client = cargo::root().join("services/client");
    let mut site = Site::default();
    site.add("client.js", bundle.script);
    site.add("client_bg.wasm", bundle.wasm);
    site.add("shop.css", site::concatenated(&client.join("style"))?);
    site.add_all(&client.join("assets"))?;
    let files = site.write(&target_folder()?.join("site"))?;
    for Written {
        name,
        raw,
        gzip,
        brotli,
    } in &files
    {
        eprintln!("  {name:<20}{raw:>8} bytes{gzip:>8} gzip{brotli:>8} brotli");
    }
    check_size(&files)
}

/// Locks the site against parallel builds, until the file is closed.
fn lock(folder: &Path, progress: &dyn Progress) -> Result<File> {
    fs::create_dir_all(folder).context("cannot create the target folder for WASM")?;
    let lock = File::create(folder.join("site.lock")).context("cannot create a lock file")?;
    if lock.try_lock().is_err() {
        progress.step("waiting for another build of the shop's static files");
        lock.lock().context("cannot lock the site")?;
    }
    Ok(lock)
}

fn check_size(files: &[Written]) -> Result<()> {
    let code = files.iter().filter(|file| is_code(&file.name));
    let size: u64 = code.map(|file| file.brotli).sum();
    ensure!(
        size <= BUDGET,
        "script and WASM have {size} bytes compressed; the limit is {BUDGET}"
    );
    Ok(())
}

/// Whether the browser executes this file.
fn is_code(name: &str) -> bool {
    let kind = Path::new(name).extension();
    kind.is_some_and(|kind| kind == "js" || kind == "wasm")
}

/// A separate target folder: two compilers that share one invalidate each other's builds.
fn wasm_folder() -> Result<PathBuf> {
    Ok(target_folder()?.join("wasm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, brotli: u64) -> Written {
        Written {
            name: name.to_owned(),
            raw: 4 * brotli,
            gzip: 2 * brotli,
            brotli,
        }
    }

    #[test]
    fn only_script_and_wasm_count_towards_the_size_limit() {
        let within = [
            file("client.js", 1_024),
            file("client_bg.wasm", BUDGET - 1_024),
            file("card.png", BUDGET),
        ];
        check_size(&within).unwrap();
        let above = [
            file("client.js", 1_025),
            file("client_bg.wasm", BUDGET - 1_024),
        ];
        let error = check_size(&above).unwrap_err().to_string();
        assert!(error.contains("61441"), "{error}");
    }
}
