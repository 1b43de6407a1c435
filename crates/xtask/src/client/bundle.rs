//! The WASM and the script beside it: compiled, bound, and made small.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use testkit::command::run_visibly;
use testkit::install::npm_package;
use testkit::progress::Progress;
use wasm_bindgen_cli_support::Bindgen;

use super::toolchain::Toolchain;
use crate::cargo;

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

/// The code that pages load.
pub(super) struct Bundle {
    pub(super) script: Vec<u8>,
    pub(super) wasm: Vec<u8>,
}

/// Builds it; `folder` keeps what the next build can use.
pub(super) fn build(folder: &Path, progress: &dyn Progress) -> Result<Bundle> {
    let compiled = compile(folder, progress)?;
    let bound = folder.join("bound");
    bind(&compiled, &bound)?;
    let read = |name: &str| fs::read(bound.join(name)).context("wasm-bindgen's result");
    let wasm = read("client_bg.wasm")?;
    let digest = hex::encode(Sha256::digest(&wasm));
    let small = folder.join("small").join(format!("{}.wasm", &digest[..16]));
    if !small.is_file() {
        shrink(&bound.join("client_bg.wasm"), &small, progress)?;
    }
    Ok(Bundle {
        script: read("client.js")?,
        wasm: fs::read(&small).context("wasm-opt's result")?,
    })
}

/// `cargo rustc` rather than `cargo build`: with a second crate type cargo would quietly leave the link-time
/// optimisation out.
fn compile(folder: &Path, progress: &dyn Progress) -> Result<std::path::PathBuf> {
    let toolchain = Toolchain::find(progress)?;
    let mut cargo = toolchain.cargo(&[
        "rustc",
        "--package=client",
        "--lib",
        "--crate-type=cdylib",
        "--no-default-features",
        "--features=hydrate",
        "--profile=wasm-release",
    ]);
    cargo.env("CARGO_TARGET_DIR", folder);
    let status = cargo::status(&mut cargo)?;
    ensure!(status.success(), "the WASM does not compile; see above");
    Ok(folder.join("wasm32-unknown-unknown/wasm-release/client.wasm"))
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

fn shrink(from: &Path, to: &Path, progress: &dyn Progress) -> Result<()> {
    let (name, version) = BINARYEN;
    let package = npm_package(name, version, progress)?;
    progress.step("making the WASM small");
    // One at a time is worth keeping.
    if let Some(folder) = to.parent() {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).context("a folder for the small WASM")?;
    }
    let unfinished = to.with_extension("unfinished");
    let mut optimise = Command::new(package.join("bin/wasm-opt"));
    optimise.arg("-Oz").args(FEATURES).arg(from);
    optimise.arg("--output").arg(&unfinished);
    run_visibly(optimise, progress).context("wasm-opt")?;
    fs::rename(&unfinished, to).context("wasm-opt's result")
}
