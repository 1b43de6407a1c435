//! Each document, made anew, is its frozen copy.

use std::env;
use std::fs;
use std::path::Path;

use contract::{APIS, EVENTS};
use serde_json::Value;

use crate::asyncapi;
use crate::compatibility::{api_changes, event_changes};

/// Set, the test writes the copies instead of comparing them.
const UPDATE: &str = "UPDATE_CONTRACT";

/// A document beside its frozen copy.
struct Document {
    /// Where the copy is, in this crate's folder.
    file: String,
    frozen: Value,
    current: Value,
    /// What in a document breaks those who rely on another.
    breaks: fn(&Value, &Value) -> Vec<String>,
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
        breaks: api_changes,
    });
    let events = Document {
        file: "asyncapi.json".to_owned(),
        frozen: serde_json::from_str(EVENTS).unwrap(),
        current: asyncapi::document(),
        breaks: event_changes,
    };
    apis.chain([events]).collect()
}

#[test]
fn the_contract_is_what_was_agreed_to() {
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
    let breaks = (document.breaks)(&document.frozen, &document.current);
    let verdict = if breaks.is_empty() {
        "Nobody who relies on the frozen copy would notice.".to_owned()
    } else {
        format!(
            "THIS BREAKS THOSE WHO RELY ON IT:\n  - {}\nDo it only if nobody does, or in steps that none of them notices.",
            breaks.join("\n  - ")
        )
    };
    format!(
        "\n{file} is not what the code makes. {verdict}\n\
         To agree to the change: {UPDATE}=1 cargo test -p contract, and commit what it writes.\n"
    )
}

#[test]
fn every_reference_in_a_document_leads_somewhere() {
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
