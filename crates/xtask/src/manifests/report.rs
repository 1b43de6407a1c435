//! Collects and prints the findings of all overlays: each fault once, with the file that probably contains it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::inspection::Finding;
use super::object::read_all;
use crate::cargo::root;

/// Findings and the overlays in which they occur.
pub(crate) struct Report {
    findings: BTreeMap<Finding, BTreeSet<String>>,
    files: BTreeMap<String, PathBuf>,
}

impl Report {
    pub(crate) fn new() -> Result<Self> {
        let mut files = BTreeMap::new();
        index(&root().join("infra"), &mut files)?;
        Ok(Self {
            findings: BTreeMap::new(),
            files,
        })
    }

    /// Adds the findings of an overlay.
    pub(crate) fn add(&mut self, overlay: &str, findings: Vec<Finding>) {
        for finding in findings {
            let overlays = self.findings.entry(finding).or_default();
            overlays.insert(overlay.to_owned());
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    pub(crate) fn print(&self) {
        for (finding, overlays) in &self.findings {
            let overlays: Vec<_> = overlays.iter().map(String::as_str).collect();
            let file = match self.files.get(&finding.place) {
                Some(file) => format!("{}: ", file.display()),
                None => String::new(),
            };
            let overlays = match overlays.join(", ") {
                none if none.is_empty() => none,
                named => format!(" [{named}]"),
            };
            println!(
                "{file}{}: {}{overlays}\n  → {}",
                finding.place,
                finding.wrong.trim_end(),
                finding.remedy
            );
        }
        if !self.is_clean() {
            println!("{} faults", self.findings.len());
        }
    }
}

/// Maps each object to the first file that describes it. The base comes before the overlays, which patch it.
fn index(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            index(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "yaml") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.strip_prefix(root()).unwrap_or(&path).to_owned();
            for object in read_all(&text).unwrap_or_default() {
                files
                    .entry(object.to_string())
                    .or_insert_with(|| name.clone());
            }
        }
    }
    Ok(())
}
