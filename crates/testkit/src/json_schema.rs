//! Validation by JSON Schema as clients do it: by ajv, which most of them use, in node.
//!
//! A validator that is written in Rust would agree with us where others do not, above all about decimal fractions.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::install::{npm_package, search_path};
use crate::progress::ToStderr;

const AJV: (&str, &str) = ("ajv", "8.20.0");

/// What `format` means, for ajv.
const FORMATS: (&str, &str) = ("ajv-formats", "3.0.1");

const SCRIPT: &str = include_str!("json_schema/validate.js");

/// A value and the schema that it should have.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The name of the document that the schema is in.
    pub document: String,
    /// The way to the schema in the document, name by name.
    pub path: Vec<String>,
    /// The value.
    pub value: Value,
    /// What the value is, for whoever reads the faults.
    pub what: String,
}

#[derive(Serialize)]
struct Input<'a> {
    documents: &'a BTreeMap<String, Value>,
    checks: &'a [Check],
}

/// What is wrong with the values; nothing if all have their schemas. The validator is installed first if it is not there.
pub async fn validate(
    documents: &BTreeMap<String, Value>,
    checks: &[Check],
) -> Result<Vec<String>> {
    let install = || {
        Ok((
            npm_package(AJV.0, AJV.1, &ToStderr)?,
            npm_package(FORMATS.0, FORMATS.1, &ToStderr)?,
        ))
    };
    let installed: Result<_> = tokio::task::spawn_blocking(install)
        .await
        .context("the install panicked")?;
    let (ajv, formats) = installed?;
    let node = ["node", "nodejs"].into_iter().find_map(search_path);
    let mut child = Command::new(node.context("npm is here and node is not")?)
        .args(["--eval", SCRIPT, "--"])
        .args([ajv, formats])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start node")?;
    let input = serde_json::to_vec(&Input { documents, checks })?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    // If it ends early, what it said is worth more than the broken pipe.
    let write = async {
        let _ = stdin.write_all(&input).await;
        drop(stdin);
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output.context("cannot read from node")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the validator failed: {complaint}");
    serde_json::from_slice(&output.stdout).context("the validator did not answer in JSON")
}
