//! JSON Schema validation with ajv in Node.js, the validator that most clients use.
//!
//! A Rust validator could share our own mistakes, above all with decimal fractions.

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

/// ajv's definitions of `format`.
const FORMATS: (&str, &str) = ("ajv-formats", "3.0.1");

const SCRIPT: &str = include_str!("json_schema/validate.js");

/// A value, and the schema that it must match.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The name of the document that contains the schema.
    pub document: String,
    /// The path of the schema in the document.
    pub path: Vec<String>,
    /// The value.
    pub value: Value,
    /// A description of the value, for error messages.
    pub what: String,
}

#[derive(Serialize)]
struct Input<'a> {
    documents: &'a BTreeMap<String, Value>,
    checks: &'a [Check],
}

/// The values' faults; empty if all match their schemas. Installs a missing validator first.
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
    let mut child = Command::new(node.context("npm is installed, but not node")?)
        .args(["--eval", SCRIPT, "--"])
        .args([ajv, formats])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start node")?;
    let input = serde_json::to_vec(&Input { documents, checks })?;
    let mut stdin = child.stdin.take().context("the input is piped")?;
    // If node ends early, its error output tells more than the broken pipe.
    let write = async {
        let _ = stdin.write_all(&input).await;
        drop(stdin);
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output.context("cannot read from node")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the validator failed: {errors}");
    serde_json::from_slice(&output.stdout).context("the validator's output is not JSON")
}
