//! Each compatibility rule detects breaking changes and allows compatible ones.

use serde_json::{Value, json};

use crate::compatibility::{api_changes, event_changes};

/// A small API with one instance of each feature.
fn api() -> Value {
    json!({
        "paths": {
            "/things": {
                "get": {
                    "parameters": [
                        { "name": "limit", "in": "query", "required": false, "schema": { "type": "integer", "maximum": 100 } },
                        { "name": "sort", "in": "query", "required": false, "schema": { "$ref": "#/components/schemas/Sort" } },
                    ],
                    "responses": {
                        "200": {
                            "headers": { "Link": { "schema": { "type": "string" } } },
                            "content": { "application/json": { "schema": { "type": "array", "items": { "$ref": "#/components/schemas/Thing" } } } },
                        },
                        "400": { "$ref": "#/components/responses/Bad" },
                    },
                },
                "post": {
                    "security": [{ "session": [] }],
                    "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/NewThing" } } } },
                    "responses": { "201": {} },
                },
            },
        },
        "components": {
            "responses": { "Bad": { "content": { "application/json": { "schema": { "type": "object" } } } } },
            "schemas": {
                "Sort": { "type": "string", "enum": ["newest", "price"] },
                "State": { "type": "string", "enum": ["free", "held"] },
                "NewThing": {
                    "type": "object",
                    "required": ["title"],
                    "properties": {
                        "title": { "type": "string", "maxLength": 200 },
                        "price": { "type": "number", "minimum": 0.01 },
                    },
                },
                "Thing": {
                    "type": "object",
                    "required": ["id", "state"],
                    "properties": {
                        "id": { "type": "string", "pattern": "^[0-9a-f]{24}$" },
                        "state": { "$ref": "#/components/schemas/State" },
                        "size": { "type": "integer", "minimum": 0 },
                        "owner": { "oneOf": [{ "type": "null" }, { "type": "string" }] },
                        "parts": { "type": "array", "items": { "$ref": "#/components/schemas/Thing" } },
                    },
                },
            },
        },
    })
}

/// Two services and an event.
fn events() -> Value {
    json!({
        "channels": { "thingMade": {
            "address": "thing:made",
            "messages": { "thingMade": { "$ref": "#/components/messages/thingMade" } },
        } },
        "operations": {
            "things.send.thingMade": { "action": "send" },
            "orders.receive.thingMade": { "action": "receive", "bindings": { "nats": { "queue": "orders-service" } } },
        },
        "components": {
            "messages": { "thingMade": {
                "headers": { "type": "object", "required": ["ce-id"], "properties": { "ce-id": { "type": "string" } } },
                "payload": { "$ref": "#/components/schemas/ThingState" },
            } },
            "schemas": { "ThingState": {
                "type": "object",
                "required": ["id"],
                "properties": { "id": { "type": "string" }, "note": { "type": "string" } },
            } },
        },
    })
}

/// Replaces the part of `document` at `pointer`, or removes it if `part` is `null`.
fn with(mut document: Value, pointer: &str, part: &Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/");
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) if part.is_null() => drop(members.remove(&name)),
        Value::Object(members) => drop(members.insert(name, part.clone())),
        Value::Array(elements) if part.is_null() => drop(elements.remove(name.parse().unwrap())),
        Value::Array(elements) if name == "-" => elements.push(part.clone()),
        Value::Array(elements) => elements[name.parse::<usize>().unwrap()] = part.clone(),
        _ => panic!("{parent} does not exist"),
    }
    document
}

const GET: &str = "/paths/~1things/get";
const POST: &str = "/paths/~1things/post";
const SCHEMAS: &str = "/components/schemas";

/// Asserts that the change is the only breaking one, with this message.
fn expect_break(pointer: &str, part: &Value, message: &str) {
    assert_one(
        &api_changes(&api(), &with(api(), pointer, part)),
        pointer,
        message,
    );
}

fn assert_one(found: &[String], pointer: &str, message: &str) {
    assert!(
        found.len() == 1 && found[0].contains(message),
        "{pointer}: {found:?} instead of {message:?}"
    );
}

fn expect_no_break(pointer: &str, part: &Value) {
    let found = api_changes(&api(), &with(api(), pointer, part));
    assert_eq!(found, Vec::<String>::new(), "{pointer}");
}

#[test]
fn an_unchanged_document_has_no_breaking_changes() {
    assert_eq!(api_changes(&api(), &api()), Vec::<String>::new());
    assert_eq!(event_changes(&events(), &events()), Vec::<String>::new());
}

#[test]
fn removals_are_breaking() {
    let nothing = Value::Null;
    expect_break(POST, &nothing, "POST /things: the operation was removed");
    expect_break(
        &format!("{GET}/parameters/0"),
        &nothing,
        "?limit: the parameter was removed",
    );
    expect_break(
        &format!("{GET}/responses/400"),
        &nothing,
        "400: the response was removed",
    );
    expect_break(
        &format!("{GET}/responses/200/headers/Link"),
        &nothing,
        "Link: the header was removed",
    );
    expect_break(
        &format!("{GET}/responses/200/content/application~1json"),
        &nothing,
        "no longer returns application/json",
    );
    expect_break(
        &format!("{POST}/requestBody/content/application~1json"),
        &nothing,
        "no longer accepts application/json",
    );
    expect_break(
        &format!("{SCHEMAS}/NewThing/properties/price"),
        &nothing,
        "body.price: the field was removed",
    );
    expect_break(
        &format!("{SCHEMAS}/Thing/properties/size"),
        &nothing,
        "[].size: the field was removed",
    );
    let whole_path = with(api(), "/paths/~1things", &nothing);
    assert_eq!(
        api_changes(&api(), &whole_path).len(),
        2,
        "both operations were removed"
    );
}

#[test]
fn new_requirements_are_breaking() {
    expect_break(
        &format!("{GET}/parameters/0/required"),
        &json!(true),
        "?limit: the parameter is now required",
    );
    let new = json!({ "name": "page", "in": "query", "required": true, "schema": {} });
    expect_break(
        &format!("{GET}/parameters/-"),
        &new,
        "?page: the parameter is now required",
    );
    expect_break(
        &format!("{POST}/requestBody/required"),
        &json!(true),
        "the body is now required",
    );
    expect_break(
        &format!("{SCHEMAS}/NewThing/required/-"),
        &json!("price"),
        "body.price: the field is now required",
    );
    expect_break(
        &format!("{GET}/security"),
        &json!([{ "session": [] }]),
        "GET /things: it now requires a session",
    );
}

#[test]
fn restrictions_of_input_are_breaking() {
    expect_break(
        &format!("{SCHEMAS}/Sort/enum/1"),
        &Value::Null,
        "?sort: the value \"price\" is no longer accepted",
    );
    expect_break(
        &format!("{GET}/parameters/0/schema/maximum"),
        &json!(50),
        "?limit: `maximum` changed from 100 to 50",
    );
    let title = format!("{SCHEMAS}/NewThing/properties/title");
    expect_break(
        &format!("{title}/maxLength"),
        &json!(100),
        "title: `maxLength` changed from 200 to 100",
    );
    expect_break(
        &format!("{title}/minLength"),
        &json!(2),
        "title: `minLength` changed from null to 2",
    );
    expect_break(
        &format!("{title}/pattern"),
        &json!("^[A-Z]"),
        "title: `pattern` changed from null",
    );
    expect_break(
        &format!("{title}/enum"),
        &json!(["Opera"]),
        "title: the list of values was added or removed",
    );
    expect_break(
        &format!("{SCHEMAS}/NewThing/properties/price/type"),
        &json!("integer"),
        "price: the type changed",
    );
    expect_break(
        &format!("{SCHEMAS}/NewThing/properties/price/minimum"),
        &json!(1),
        "price: `minimum` changed from 0.01 to 1",
    );
}

#[test]
fn extensions_of_output_are_breaking() {
    let thing = format!("{SCHEMAS}/Thing");
    expect_break(
        &format!("{SCHEMAS}/State/enum/-"),
        &json!("sold"),
        "state: the value \"sold\" is new",
    );
    expect_break(
        &format!("{SCHEMAS}/State/enum"),
        &Value::Null,
        "state: the list of values was added or removed",
    );
    expect_break(
        &format!("{thing}/required/1"),
        &Value::Null,
        "[].state: the field may now be missing",
    );
    expect_break(
        &format!("{thing}/properties/size/type"),
        &json!("number"),
        "size: the type changed",
    );
    expect_break(
        &format!("{thing}/properties/size/type"),
        &json!(["integer", "null"]),
        "size: the type changed",
    );
    expect_break(
        &format!("{thing}/properties/size/minimum"),
        &json!(-5),
        "size: `minimum` changed from 0 to -5",
    );
    expect_break(
        &format!("{thing}/properties/id/pattern"),
        &Value::Null,
        "id: `pattern` changed from",
    );
    expect_break(
        &format!("{thing}/properties/owner/oneOf/-"),
        &json!({ "type": "integer" }),
        "owner: one alternative",
    );
    expect_break(
        &format!("{GET}/responses/202"),
        &json!({}),
        "202: the response is new",
    );
    expect_break(
        "/components/responses/Bad/content/application~1json/schema/type",
        &json!("array"),
        "400: the type changed",
    );
}

#[test]
fn compatible_changes_are_allowed() {
    let thing = format!("{SCHEMAS}/Thing");
    expect_no_break("/paths/~1more", &json!({ "get": { "responses": {} } }));
    expect_no_break(&format!("{GET}/summary"), &json!("Lists the things."));
    expect_no_break(&format!("{GET}/deprecated"), &json!(true));
    expect_no_break(&format!("{GET}/responses/429"), &json!({}));
    expect_no_break(&format!("{GET}/parameters/0/schema/maximum"), &json!(200));
    expect_no_break(&format!("{POST}/security"), &Value::Null);
    expect_no_break(&format!("{SCHEMAS}/Sort/enum/-"), &json!("-price"));
    expect_no_break(
        &format!("{SCHEMAS}/NewThing/properties/colour"),
        &json!({ "type": "string" }),
    );
    expect_no_break(&format!("{SCHEMAS}/NewThing/required/0"), &Value::Null);
    expect_no_break(&format!("{SCHEMAS}/State/enum/0"), &Value::Null);
    expect_no_break(
        &format!("{thing}/properties/colour"),
        &json!({ "type": "string" }),
    );
    expect_no_break(&format!("{thing}/required/-"), &json!("size"));
    expect_no_break(&format!("{thing}/properties/size/minimum"), &json!(1));
    expect_no_break(&format!("{thing}/properties/owner/oneOf/0"), &Value::Null);
    // Equivalent schemas in another form.
    expect_no_break(
        &format!("{thing}/properties/state"),
        &json!({ "type": "string", "enum": ["held", "free"] }),
    );
    let parts = json!({ "allOf": [{ "$ref": "#/components/schemas/State" }, { "description": "Its state." }] });
    expect_no_break(&format!("{thing}/properties/state"), &parts);
}

#[test]
fn events_stay_readable_in_both_directions() {
    let expect = |pointer: &str, part: &Value, message: &str| {
        let found = event_changes(&events(), &with(events(), pointer, part));
        assert_one(&found, pointer, message);
    };
    let nothing = Value::Null;
    let state = "/components/schemas/ThingState";
    expect(
        "/channels/thingMade",
        &nothing,
        "thingMade: the channel was removed",
    );
    expect(
        "/channels/thingMade/address",
        &json!("thing.made"),
        "the subject changed from thing:made to thing.made",
    );
    expect(
        "/channels/thingMade/messages/thingMade",
        &nothing,
        "the message thingMade was removed",
    );
    expect(
        "/operations/things.send.thingMade",
        &nothing,
        "the operation was removed",
    );
    expect(
        "/operations/orders.receive.thingMade/bindings/nats/queue",
        &json!("orders"),
        "the queue group changed",
    );
    expect(
        &format!("{state}/properties/note"),
        &nothing,
        "thing:made.note: the field was removed",
    );
    expect(
        &format!("{state}/required/-"),
        &json!("note"),
        "thing:made.note: the field is now required",
    );
    expect(
        &format!("{state}/required/0"),
        &nothing,
        "thing:made.id: the field may now be missing",
    );
    expect(
        &format!("{state}/properties/id/type"),
        &json!("integer"),
        "thing:made.id: the type changed",
    );
    let headers = "/components/messages/thingMade/headers";
    expect(
        &format!("{headers}/properties/ce-id"),
        &nothing,
        "thing:made headers.ce-id: the field was removed",
    );

    let more = with(
        events(),
        &format!("{state}/properties/colour"),
        &json!({ "type": "string" }),
    );
    let more = with(
        more,
        "/operations/payments.receive.thingMade",
        &json!({ "action": "receive" }),
    );
    assert_eq!(event_changes(&events(), &more), Vec::<String>::new());
}
