//! A compiler for WASM: rustup's if it has the target, else Debian's, which builds the standard library itself.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use testkit::install::{once, search_path};
use testkit::progress::Progress;

use crate::cargo;

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages: a compiler recent enough for us, the standard library's source, and the linker.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

const BY_HAND: &str = "no compiler for WASM: rustup target add wasm32-unknown-unknown, or on Debian \
                       apt-get install rustc-web cargo-web rust-web-src lld";

/// Whose compiler it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toolchain {
    /// The one that compiled this tool.
    Own,
    /// Debian's.
    Debian,
}

/// Makes sure that there is a compiler for WASM.
pub(crate) fn install(progress: &dyn Progress) -> Result<()> {
    Toolchain::find(progress).map(|_| ())
}

impl Toolchain {
    /// The compiler that is here, or Debian's, installed.
    pub(super) fn find(progress: &dyn Progress) -> Result<Self> {
        if own_has_target() {
            return Ok(Self::Own);
        }
        let debian = || debian_is_here().then_some(Self::Debian);
        once(progress, debian, |installer| installer.apt(&PACKAGES)).context(BY_HAND)
    }

    /// Cargo with these arguments, for WASM.
    pub(super) fn cargo(self, arguments: &[&str]) -> Command {
        let mut cargo = match self {
            Self::Own => cargo::cargo(arguments),
            Self::Debian => debian_cargo(arguments),
        };
        cargo.args(["--target", TARGET]);
        // Leptos would write another file name into what it compiles.
        cargo.env_remove("LEPTOS_OUTPUT_NAME");
        cargo
    }
}

fn debian_cargo(arguments: &[&str]) -> Command {
    let mut cargo = cargo::command("/usr/bin/cargo", arguments);
    // What the cargo that runs us says of its own compiler.
    for name in ["RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "LD_LIBRARY_PATH", "CARGO", "RUSTDOC"] {
        cargo.env_remove(name);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    cargo
        .env("PATH", format!("/usr/bin:{path}"))
        .env("RUSTC", "/usr/bin/rustc")
        // The standard library is built with a flag that only nightly compilers take unasked.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld")
        .arg("-Zbuild-std=std,panic_abort");
    cargo
}

fn own_has_target() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut ask = Command::new(rustc);
    ask.args(["--print", "target-libdir", "--target", TARGET]);
    output(ask).is_some_and(|folder| Path::new(&folder).is_dir())
}

fn debian_is_here() -> bool {
    let mut ask = Command::new("/usr/bin/rustc");
    ask.args(["--print", "sysroot"]).env_remove("LD_LIBRARY_PATH");
    let source = |sysroot: String| Path::new(&sysroot).join("lib/rustlib/src/rust/library");
    output(ask).is_some_and(|sysroot| source(sysroot).is_dir())
        && Path::new("/usr/bin/cargo").is_file()
        && search_path("wasm-ld").is_some()
}

fn output(mut command: Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}
