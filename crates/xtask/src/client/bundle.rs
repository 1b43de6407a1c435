//! The WASM and the script beside it: compiled, bound, and made small.

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

/// What makes WASM small. Older ones, as in Debian 12, make of ours what no browser runs.
const BINARYEN: (&str, &str) = ("binaryen", "132.0.0");

/// What all browsers of the last years have, and the compiler uses.
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

/// The bundle of what [`compilation`] made in the same folder, which keeps what the next build can use.
pub(super) fn bundle(folder: &Path, console: &Console) -> Result<Bundle> {
    let compiled = folder
        .join(toolchain::TARGET)
        .join("wasm-release/client.wasm");
    let bundle = folder.join("bundle").join(key(&compiled)?);
    if !bundle.is_dir() {
        make(&compiled, &bundle, console)?;
    }
    let read = |name| fs::read(bundle.join(name)).with_context(|| format!("no {name} was made"));
    Ok(Bundle {
        script: read(SCRIPT)?,
        wasm: read(WASM)?,
    })
}

/// Installs what is needed, and builds nothing.
pub(super) fn install(progress: &dyn Progress) -> Result<()> {
    Toolchain::find(progress)?;
    binaryen(progress)?;
    Ok(())
}

fn binaryen(progress: &dyn Progress) -> Result<PathBuf> {
    let (name, version) = BINARYEN;
    npm_package(name, version, progress)
}

/// What compiles it, into this folder; the compiler is installed if there is none. `cargo rustc` rather than `cargo
/// build`: with a second crate type cargo would quietly leave the link-time optimisation out.
pub(super) fn compilation(folder: &Path, progress: &dyn Progress) -> Result<Command> {
    let mut cargo = Toolchain::find(progress)?.cargo("rustc", folder);
    cargo.args(["--crate-type=cdylib", "--profile=wasm-release"]);
    Ok(cargo)
}

/// Tells what was made of other WASM, or in another way, from this. (The compiled WASM says of which version of
/// wasm-bindgen it is, and no other takes it.)
fn key(compiled: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    digest.update(fs::read(compiled).context("the compiled WASM")?);
    for part in [BINARYEN.1].iter().chain(&FEATURES) {
        digest.update(part);
    }
    Ok(hex::encode(digest.finalize())[..16].to_owned())
}

/// Binds it and makes it small, in the place of what was made before.
fn make(compiled: &Path, bundle: &Path, console: &Console) -> Result<()> {
    let bundles = bundle.parent().expect("it was joined to a folder");
    if bundles.exists() {
        fs::remove_dir_all(bundles).context("the bundle before")?;
    }
    let unfinished = bundle.with_extension("unfinished");
    fs::create_dir_all(&unfinished).context("a folder for the bundle")?;
    console.step("making the WASM small");
    bind(compiled, &unfinished)?;
    shrink(&unfinished.join(WASM), console)?;
    console.pause();
    fs::rename(&unfinished, bundle).context("the new bundle")
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
    let mut optimise = Command::new(binaryen(progress)?.join("bin/wasm-opt"));
    optimise.arg("-Oz").args(FEATURES).arg(wasm);
    optimise.arg("--output").arg(wasm);
    run_visibly(optimise, progress).context("wasm-opt")
}
