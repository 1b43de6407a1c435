//! Where a program's functions lie: those that run together, and all others after them.
//!
//! A program of the fleet has some 14 MB of machine code, of which a third belongs to functions that ever run, spread
//! evenly over all of it by the order in which crates happen to be linked. The system maps code in pieces of 16 pages
//! (64 KiB) around each page that is asked for, so nearly all of it is resident. Linked in an order, it is what runs.
//!
//! The order is recorded by `cargo xtask layout`, which runs a fleet under load and notes each function when it is called
//! first: `functions.txt`, one function a line. A name of C is written as it is. A name of Rust is long, and has hashes
//! of compiler, versions and settings in it, so its line is a [`digest`] of the rest. Functions that were recorded and
//! are gone do no harm, and new ones lie among the others until it is recorded again.

use std::collections::HashMap;

use anyhow::{Context, Result};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol, SymbolKind};
use sha2::{Digest, Sha256};

/// The variable that says where the recorded functions are.
pub const FUNCTIONS: &str = "TICKETING_FUNCTIONS";

/// How a function is written among the recorded: a name of C as it is, a name of Rust as eight digits that stand for
/// its path and its types, whatever the versions of their crates. Of 60,000 functions and 6,000 recorded ones one in
/// ten programs has a pair that looks the same, and the one that does not run is put where it need not be.
#[must_use]
pub fn digest(symbol: &str) -> String {
    match rustc_demangle::try_demangle(symbol) {
        // The alternate form leaves the hashes out.
        Ok(name) => hex::encode(&Sha256::digest(format!("{name:#}"))[..4]),
        Err(_) => symbol.to_owned(),
    }
}

/// The functions that an object file or an archive of them defines.
///
/// # Errors
/// If it is neither.
pub fn functions(file: &[u8]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if let Ok(archive) = ArchiveFile::parse(file) {
        for member in archive.members() {
            let member = member.context("a member of an archive")?.data(file)?;
            // What a compiler keeps for itself beside the code is no object file.
            if let Ok(object) = object::File::parse(member) {
                gather(&object, &mut found);
            }
        }
    } else {
        let object = object::File::parse(file).context("neither an object file nor an archive")?;
        gather(&object, &mut found);
    }
    Ok(found)
}

fn gather(object: &object::File<'_>, found: &mut Vec<String>) {
    let defined = object
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition());
    found.extend(defined.filter_map(|symbol| symbol.name().ok().map(str::to_owned)));
}

/// Those of the functions that are recorded, in the recorded order. Names of C are taken as they are: they may be in
/// libraries that only the linker finds.
#[must_use]
pub fn order<'a>(recorded: &'a str, functions: &'a [String]) -> Vec<&'a str> {
    let mut known: HashMap<String, Vec<&str>> = HashMap::new();
    for function in functions {
        let alike = known.entry(digest(function)).or_default();
        if !alike.contains(&function.as_str()) {
            alike.push(function);
        }
    }
    let named = |line: &'a str| known.remove(line).unwrap_or_else(|| vec![line]);
    recorded.lines().flat_map(named).collect()
}
