//! Each generated document equals its frozen copy.

use std::env;
use std::fs;
use std::path::Path;

use contract::{APIS, EVENTS};
use serde_json::Value;

use crate::asyncapi;
use crate::compatibility::{api_changes, event_changes};

/// If this variable is set, the test updates the copies instead of comparing them.
const UPDATE: &str = "UPDATE_CONTRACT";

struct Document {
    /// The path of the frozen copy, relative to the crate.
    file: String,
    frozen: Value,
    current: Value,
    /// Lists the breaking changes between two versions.
    breaking_changes: fn(&Value, &Value) -> Vec<String>,
}

fn documents() -> Vec<Document> {
    let current = |service: &str| match service {
        "auth" => auth::openapi(),
        "tickets" => tickets::openapi(),
        "orders" => orders::openapi(),
        "payments" => payments::openapi(),
        other => panic!("no such service: {other}"),
    };
    let apis = APIS.iter().map(|api| Document {
        file: format!("openapi/{}.json", api.service),
        frozen: serde_json::from_str(api.json).unwrap(),
        current: serde_json::to_value(current(api.service)).unwrap(),
        breaking_changes: api_changes,
    });
    let events = Document {
        file: "asyncapi.json".to_owned(),
        frozen: serde_json::from_str(EVENTS).unwrap(),
        current: asyncapi::document(),
        breaking_changes: event_changes,
    };
    apis.chain([events]).collect()
}

#[test]
fn every_document_equals_its_frozen_copy() {
    let changed: Vec<_> = documents()
        .into_iter()
        .filter(|document| document.current != document.frozen)
        .collect();
    if env::var_os(UPDATE).is_some() {
        changed.iter().for_each(write);
        return;
    }
    let reports: Vec<_> = changed.iter().map(report).collect();
    assert!(reports.is_empty(), "{}", reports.join("\n"));
}

fn write(document: &Document) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&document.file);
    // A dependency of testkit makes serde_json keep the order of insertion.
    let mut sorted = document.current.clone();
    sorted.sort_all_objects();
    fs::write(path, format!("{sorted:#}\n")).unwrap();
}

fn report(document: &Document) -> String {
    let file = &document.file;
    let changes = (document.breaking_changes)(&document.frozen, &document.current);
    let verdict = if changes.is_empty() {
        "The change is compatible.".to_owned()
    } else {
        format!(
            "THE CHANGE IS BREAKING:\n  - {}\nMake it only if nobody depends on this, or in compatible steps.",
            changes.join("\n  - ")
        )
    };
    format!(
        "\n{file} differs from the document that the code generates. {verdict}\n\
         To accept the change, run {UPDATE}=1 cargo test -p contract and commit the result.\n"
    )
}

#[test]
fn every_reference_in_a_document_resolves() {
    for document in documents() {
        let mut parts = vec![&document.current];
        while let Some(part) = parts.pop() {
            if let Some(reference) = part["$ref"].as_str() {
                let target = document.current.pointer(reference.trim_start_matches('#'));
                assert!(target.is_some(), "{}: {reference}", document.file);
            }
            parts.extend(
                part.as_object()
                    .into_iter()
                    .flat_map(|members| members.values()),
            );
            parts.extend(part.as_array().into_iter().flatten());
        }
    }
}
