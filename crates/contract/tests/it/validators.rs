//! A JSON Schema validator that clients use accepts and rejects what the documents describe.

use std::collections::BTreeMap;

use contract::{APIS, EVENTS};
use serde_json::{Value, json};
use testkit::json_schema::{Check, validate};

/// Prices that are inexact in binary, or whose quotient by 0.01 is, and the highest and lowest price.
const PRICES: [f64; 16] = [
    19.99, 0.57, 1.1, 1.15, 4.35, 8.7, 9.95, 16.08, 20.0, 64.1, 69.99, 100.01, 1150.55, 4_503.27,
    999_999.99, 0.5,
];

/// The keywords for example values next to a schema.
const EXAMPLES: [&str; 2] = ["example", "examples"];

fn documents() -> BTreeMap<String, Value> {
    let apis = APIS.iter().map(|api| (api.service, api.json));
    let all = apis.chain([("events", EVENTS)]);
    all.map(|(name, json)| (name.to_owned(), serde_json::from_str(json).unwrap()))
        .collect()
}

fn check(document: &str, path: &[String], value: &Value) -> Check {
    Check {
        document: document.to_owned(),
        path: path.to_vec(),
        value: value.clone(),
        what: format!("{document} {}", path.join(" ")),
    }
}

/// Collects all examples in this part of a document, each with its schema.
fn collect(document: &str, part: &Value, path: &mut Vec<String>, checks: &mut Vec<Check>) {
    if let Some(elements) = part.as_array() {
        for (index, element) in elements.iter().enumerate() {
            path.push(index.to_string());
            collect(document, element, path, checks);
            path.pop();
        }
    }
    let Some(members) = part.as_object() else {
        return;
    };
    let mut schema = path.clone();
    if part["schema"].is_object() {
        schema.push("schema".to_owned());
    }
    let listed = part["examples"].as_array().into_iter().flatten();
    for value in listed.chain(members.get("example")) {
        match &value["payload"] {
            // The example of a message.
            Value::Object(_) => {
                for name in ["payload", "headers"] {
                    schema.push(name.to_owned());
                    checks.push(check(document, &schema, &value[name]));
                    schema.pop();
                }
            }
            _ => checks.push(check(document, &schema, value)),
        }
    }
    for (name, member) in members {
        if !EXAMPLES.contains(&name.as_str()) {
            path.push(name.clone());
            collect(document, member, path, checks);
            path.pop();
        }
    }
}

fn path(text: &str) -> Vec<String> {
    text.split('/').map(str::to_owned).collect()
}

#[tokio::test]
async fn every_example_matches_its_schema() {
    let (documents, mut checks) = (documents(), Vec::new());
    for (name, document) in &documents {
        let before = checks.len();
        collect(name, document, &mut Vec::new(), &mut checks);
        assert!(checks.len() > before, "{name} has no examples");
    }
    assert!(checks.len() > 50, "{} examples", checks.len());
    assert_eq!(
        validate(&documents, &checks).await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn every_valid_price_matches_the_schemas() {
    let (documents, mut checks) = (documents(), Vec::new());
    for price in PRICES {
        for document in ["tickets", "orders", "events"] {
            checks.push(check(
                document,
                &path("components/schemas/Price"),
                &json!(price),
            ));
        }
        for sent in [json!(price), json!(format!("{price:.2}"))] {
            let body = json!({ "title": "Front row", "price": sent });
            checks.push(check(
                "tickets",
                &path("components/schemas/TicketBody"),
                &body,
            ));
        }
    }
    assert_eq!(
        validate(&documents, &checks).await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn invalid_prices_do_not_match_the_schemas() {
    let (documents, mut checks) = (documents(), Vec::new());
    for wrong in [
        json!(0),
        json!(-1),
        json!(1_000_000),
        json!("19.99"),
        json!(null),
    ] {
        checks.push(check("tickets", &path("components/schemas/Price"), &wrong));
    }
    for wrong in [
        json!(0.3),
        json!("19,99"),
        json!("1.999"),
        json!(true),
        json!(null),
    ] {
        let body = json!({ "title": "Front row", "price": wrong });
        checks.push(check(
            "tickets",
            &path("components/schemas/TicketBody"),
            &body,
        ));
    }
    checks.push(check(
        "tickets",
        &path("components/schemas/Nothing"),
        &json!(1),
    ));
    let faults = validate(&documents, &checks).await.unwrap();
    assert_eq!(faults.len(), checks.len(), "{faults:#?}");
}
