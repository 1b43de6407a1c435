//! `cargo xtask client`: the shop's static files, among them the WASM that brings its pages to life.
//!
//! They end in `<target>/site`, which the client's server is told of by `SITE_ROOT`.

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

/// The most that script and WASM may weigh in all, compressed by brotli, in bytes: what a slow telephone (400 kbit/s)
/// loads in little more than a second, while the page is read already.
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

/// Builds the site; false if told to stop before it was built.
pub(crate) async fn build(console: &Arc<Console>, stop: &mut StopSignals) -> Result<bool> {
    console.step("building the shop's static files");
    let wasm = wasm_folder()?;
    let (folder, progress) = (wasm.clone(), console.clone());
    let prepare = move || {
        let alone = lock(&folder, &*progress)?;
        Ok((alone, bundle::compilation(&folder, &*progress)?))
    };
    let Some((_alone, compilation)) = unless_stopped(stop, prepare).await? else {
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

/// Does what blocks; none if told to stop before it was done. Programs that it started end with us.
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

/// Clippy for what of the client runs in the browser; none if it may not be installed and is not there.
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
    check_weight(&files)
}

/// Two builds at once would tread on each other; the lock is given back when the file is closed.
fn lock(folder: &Path, progress: &dyn Progress) -> Result<File> {
    fs::create_dir_all(folder).context("a target folder for WASM")?;
    let lock = File::create(folder.join("site.lock")).context("cannot make a lock file")?;
    if lock.try_lock().is_err() {
        progress.step("waiting for another build of the shop's static files");
        lock.lock().context("cannot lock the site")?;
    }
    Ok(lock)
}

fn check_weight(files: &[Written]) -> Result<()> {
    let code = files.iter().filter(|file| is_code(&file.name));
    let weight: u64 = code.map(|file| file.brotli).sum();
    ensure!(
        weight <= BUDGET,
        "script and WASM weigh {weight} bytes compressed; the budget is {BUDGET}"
    );
    Ok(())
}

/// Whether the browser runs it.
fn is_code(name: &str) -> bool {
    let kind = Path::new(name).extension();
    kind.is_some_and(|kind| kind == "js" || kind == "wasm")
}

/// A target folder of its own: two compilers that shared one would undo each other's work.
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
    fn script_and_wasm_together_must_keep_to_the_budget_and_nothing_else_counts() {
        let within = [
            file("client.js", 1_024),
            file("client_bg.wasm", BUDGET - 1_024),
            file("card.png", BUDGET),
        ];
        check_weight(&within).unwrap();
        let above = [
            file("client.js", 1_025),
            file("client_bg.wasm", BUDGET - 1_024),
        ];
        let error = check_weight(&above).unwrap_err().to_string();
        assert!(error.contains("61441"), "{error}");
    }
}
