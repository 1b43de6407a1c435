//! The compiler for WASM: rustup's if it has the target, otherwise Debian's, which compiles the standard library from
//! source.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use testkit::install::{once, search_path};
use testkit::progress::Progress;

use crate::cargo;

pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages: a recent compiler, the source of the standard library, and the linker.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// Clippy for that compiler: the package and the program.
const DEBIAN_CLIPPY: (&str, &str) = ("rust-web-clippy", "/usr/bin/cargo-clippy");

const BY_HAND: &str = "no compiler for WASM: rustup target add wasm32-unknown-unknown, or on Debian \
                       apt-get install rustc-web cargo-web rust-web-src lld";

/// Variables by which the calling cargo describes its own compiler.
const VARIABLES_OF_CARGO: [&str; 6] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_HOME",
    "LD_LIBRARY_PATH",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toolchain {
    /// The toolchain that compiled this tool.
    Own,
    /// Debian's.
    Debian,
}

impl Toolchain {
    /// The installed compiler. If there is none, installs Debian's.
    pub(super) fn find(progress: &dyn Progress) -> Result<Self> {
        match Self::present() {
            Some(toolchain) => Ok(toolchain),
            None => once(progress, Self::present, |installer| {
                installer.apt(&PACKAGES)
            })
            .context(BY_HAND),
        }
    }

    /// The installed compiler, if any.
    pub(super) fn present() -> Option<Self> {
        if own_has_target() {
            return Some(Self::Own);
        }
        has_debian().then_some(Self::Debian)
    }

    /// Whether Clippy is installed. Rustup's toolchains include it.
    pub(super) fn has_clippy(self) -> bool {
        self == Self::Own || Path::new(DEBIAN_CLIPPY.1).is_file()
    }

    /// Installs Clippy if it is missing.
    pub(super) fn install_clippy(self, progress: &dyn Progress) -> Result<()> {
        let present = || self.has_clippy().then_some(());
        once(progress, present, |installer| {
            installer.apt(&[DEBIAN_CLIPPY.0])
        })
    }

    /// A cargo command for the browser code of the client, with this target folder.
    pub(super) fn cargo(self, subcommand: &str, folder: &Path) -> Command {
        let mut cargo = match self {
            Self::Own => cargo::cargo(&[subcommand]),
            Self::Debian => debian_cargo(subcommand),
        };
        cargo
            .args(["--package=client", "--lib"])
            .args(["--no-default-features", "--features=hydrate"])
            .args(["--target", TARGET])
            .env("CARGO_TARGET_DIR", folder)
            // Leptos would compile another file name into the WASM.
            .env_remove("LEPTOS_OUTPUT_NAME")
            // These flags are for native programs.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        cargo
    }
}

fn debian_cargo(subcommand: &str) -> Command {
    // Cargo would find rustup's Clippy first.
    let program = match subcommand {
        "clippy" => DEBIAN_CLIPPY.1,
        _ => "/usr/bin/cargo",
    };
    let mut cargo = cargo::command(program, &[subcommand]);
    for name in VARIABLES_OF_CARGO {
        cargo.env_remove(name);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    cargo
        .env("PATH", format!("/usr/bin:{path}"))
        .env("CARGO", "/usr/bin/cargo")
        .env("RUSTC", "/usr/bin/rustc")
        // `-Zbuild-std` needs nightly features.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld")
        .arg("-Zbuild-std=std,panic_abort");
    cargo
}

fn own_has_target() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut query = Command::new(rustc);
    query.args(["--print", "target-libdir", "--target", TARGET]);
    output(query).is_some_and(|folder| Path::new(&folder).is_dir())
}

fn has_debian() -> bool {
    let mut query = Command::new("/usr/bin/rustc");
    query
        .args(["--print", "sysroot"])
        .env_remove("LD_LIBRARY_PATH");
    let source = |sysroot: String| Path::new(&sysroot).join("lib/rustlib/src/rust/library");
    output(query).is_some_and(|sysroot| source(sysroot).is_dir())
        && Path::new("/usr/bin/cargo").is_file()
        && search_path("wasm-ld").is_some()
}

fn output(mut command: Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}
