//! Compiles the WASM, generates its JavaScript bindings and optimises it for size.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use testkit::command::run_visibly;
use testkit::install::npm_package;
use testkit::progress::Progress;
use wasm_bindgen_cli_support::Bindgen;

use super::toolchain::{self, Toolchain};
use crate::console::Console;

/// Optimises the WASM. Older versions, such as Debian 12's, produce WASM that browsers reject.
const BINARYEN: (&str, &str) = ("binaryen", "132.0.0");

/// The WASM features that the compiler uses. All current browsers have them.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

const SCRIPT: &str = "client.js";
const WASM: &str = "client_bg.wasm";

/// The code that pages load.
pub(super) struct Bundle {
    pub(super) script: Vec<u8>,
    pub(super) wasm: Vec<u8>,
}

/// The bundle of the WASM that [`compilation`] wrote into the same folder. It is cached there for the next build.
pub(super) fn bundle(folder: &Path, console: &Console) -> Result<Bundle> {
    let compiled = folder
        .join(toolchain::TARGET)
        .join("wasm-release/client.wasm");
    let bundle = folder.join("bundle").join(key(&compiled)?);
    if !bundle.is_dir() {
        build(&compiled, &bundle, console)?;
    }
    let read = |name| fs::read(bundle.join(name)).with_context(|| format!("cannot read {name}"));
    Ok(Bundle {
        script: read(SCRIPT)?,
        wasm: read(WASM)?,
    })
}

/// Installs the compiler and wasm-opt.
pub(super) fn install(progress: &dyn Progress) -> Result<()> {
    Toolchain::find(progress)?;
    binaryen(progress)?;
    Ok(())
}

fn binaryen(progress: &dyn Progress) -> Result<PathBuf> {
    let (name, version) = BINARYEN;
    npm_package(name, version, progress)
}

/// The command that compiles the WASM into this folder. Installs the compiler if it is missing. It uses `cargo rustc`
/// because with a second crate type `cargo build` silently omits link-time optimisation.
pub(super) fn compilation(folder: &Path, progress: &dyn Progress) -> Result<Command> {
    let mut cargo = Toolchain::find(progress)?.cargo("rustc", folder);
    cargo.args(["--crate-type=cdylib", "--profile=wasm-release"]);
    Ok(cargo)
}

/// The cache key: the compiled WASM, which includes the version of wasm-bindgen, and the optimisation's settings.
fn key(compiled: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    digest.update(fs::read(compiled).context("cannot read the compiled WASM")?);
    for part in [BINARYEN.1].iter().chain(&FEATURES) {
        digest.update(part);
    }
    Ok(hex::encode(digest.finalize())[..16].to_owned())
}

/// Generates the bindings, optimises the WASM and replaces the previous bundle.
fn build(compiled: &Path, bundle: &Path, console: &Console) -> Result<()> {
    let bundles = bundle.parent().expect("the path was joined to a folder");
    if bundles.exists() {
        fs::remove_dir_all(bundles).context("cannot remove the previous bundle")?;
    }
    let unfinished = bundle.with_extension("unfinished");
    fs::create_dir_all(&unfinished).context("cannot create a folder for the bundle")?;
    console.step("optimising the WASM");
    bind(compiled, &unfinished)?;
    shrink(&unfinished.join(WASM), console)?;
    console.pause();
    fs::rename(&unfinished, bundle).context("cannot rename the new bundle")
}

fn bind(compiled: &Path, into: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(compiled)
        .web(true)?
        .typescript(false)
        .out_name("client")
        .generate(into)
        .context("wasm-bindgen")
}

fn shrink(wasm: &Path, progress: &dyn Progress) -> Result<()> {
    let mut wasm_opt = Command::new(binaryen(progress)?.join("bin/wasm-opt"));
    wasm_opt.arg("-Oz").args(FEATURES).arg(wasm);
    wasm_opt.arg("--output").arg(wasm);
    run_visibly(wasm_opt, progress).context("wasm-opt")
}
