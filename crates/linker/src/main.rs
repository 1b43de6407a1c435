//! Links as the C compiler does, and puts the functions of a program that run together: see the library.
//!
//! Only what ships is given an order, which is what is linked statically; and only where the linker is LLD, Rust's own
//! on x86-64, since no other takes one.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow};
use linker::{FUNCTIONS, functions, order};

fn main() -> ExitCode {
    let error = link(env::args_os().skip(1).collect());
    eprintln!("ticketing-linker: {error:#}");
    ExitCode::FAILURE
}

/// Becomes the C compiler; returns only what went wrong.
fn link(mut arguments: Vec<OsString>) -> anyhow::Error {
    match layout(&arguments) {
        Ok(more) => arguments.extend(more),
        Err(error) => return error,
    }
    let error = Command::new("cc").args(arguments).exec();
    anyhow!(error).context("cannot run cc")
}

/// What else is to be said to the linker.
fn layout(arguments: &[OsString]) -> Result<Vec<OsString>> {
    let Some(recorded) = env::var_os(FUNCTIONS) else {
        return Ok(Vec::new());
    };
    let said = |what: &str| arguments.iter().any(|argument| argument == what);
    if !said("-static-pie") || !said("-fuse-ld=lld") {
        return Ok(Vec::new());
    }
    let output = arguments
        .iter()
        .skip_while(|argument| *argument != "-o")
        .nth(1)
        .context("an output, -o")?;
    let mut known = Vec::new();
    for input in arguments
        .iter()
        .map(Path::new)
        .filter(|file| is_input(file))
    {
        let read = fs::read(input).map_err(anyhow::Error::from);
        let found = read.and_then(|file| functions(&file));
        known.extend(found.with_context(|| input.display().to_string())?);
    }
    let recorded = PathBuf::from(recorded);
    let recorded = fs::read_to_string(&recorded)
        .with_context(|| format!("{FUNCTIONS}={}", recorded.display()))?;
    let file = Path::new(output).with_added_extension("order");
    fs::write(&file, order(&recorded, &known).join("\n"))
        .with_context(|| file.display().to_string())?;
    let mut symbol_order = OsString::from("-Wl,--symbol-ordering-file=");
    symbol_order.push(&file);
    Ok(vec![
        symbol_order,
        "-Wl,--no-warn-symbol-ordering".into(),
        // The table of what is to be moved when the program starts, and with it resident, in an eightieth of the bytes.
        "-Wl,-z,pack-relative-relocs".into(),
    ])
}

fn is_input(argument: &Path) -> bool {
    let extension = argument.extension().unwrap_or_default();
    ["o", "a", "rlib"].iter().any(|known| extension == *known)
}
