//! Each rule of what breaks whom bites, and lets what breaks nobody pass.

use serde_json::{Value, json};

use crate::compatibility::{api_changes, event_changes};

/// A small API with one of everything.
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

/// `document` with the part at `pointer` put there; taken out if it is `null`.
fn with(mut document: Value, pointer: &str, part: &Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/");
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) if part.is_null() => drop(members.remove(&name)),
        Value::Object(members) => drop(members.insert(name, part.clone())),
        Value::Array(elements) if part.is_null() => drop(elements.remove(name.parse().unwrap())),
        Value::Array(elements) if name == "-" => elements.push(part.clone()),
        Value::Array(elements) => elements[name.parse::<usize>().unwrap()] = part.clone(),
        _ => panic!("nothing is at {parent}"),
    }
    document
}

const GET: &str = "/paths/~1things/get";
const POST: &str = "/paths/~1things/post";
const SCHEMAS: &str = "/components/schemas";

/// Fails unless the change breaks something, said in these words, and nothing else.
fn expect_break(pointer: &str, part: &Value, words: &str) {
    let found = api_changes(&api(), &with(api(), pointer, part));
    assert!(
        found.len() == 1 && found[0].contains(words),
        "{pointer}: {found:?}, and not {words:?}"
    );
}

fn expect_no_break(pointer: &str, part: &Value) {
    let found = api_changes(&api(), &with(api(), pointer, part));
    assert_eq!(found, Vec::<String>::new(), "{pointer}");
}

#[test]
fn a_document_breaks_nobody_who_relies_on_itself() {
    assert_eq!(api_changes(&api(), &api()), Vec::<String>::new());
    assert_eq!(event_changes(&events(), &events()), Vec::<String>::new());
}

#[test]
fn what_is_there_stays() {
    let nothing = Value::Null;
    expect_break(POST, &nothing, "POST /things: the operation is gone");
    expect_break(
        &format!("{GET}/parameters/0"),
        &nothing,
        "?limit: the parameter is gone",
    );
    expect_break(
        &format!("{GET}/responses/400"),
        &nothing,
        "400: the answer is gone",
    );
    expect_break(
        &format!("{GET}/responses/200/headers/Link"),
        &nothing,
        "Link: the header is gone",
    );
    expect_break(
        &format!("{GET}/responses/200/content/application~1json"),
        &nothing,
        "no application/json",
    );
    expect_break(
        &format!("{POST}/requestBody/content/application~1json"),
        &nothing,
        "takes no application/json",
    );
    expect_break(
        &format!("{SCHEMAS}/NewThing/properties/price"),
        &nothing,
        "body.price: the field is gone",
    );
    expect_break(
        &format!("{SCHEMAS}/Thing/properties/size"),
        &nothing,
        "[].size: the field is gone",
    );
    let whole_path = with(api(), "/paths/~1things", &nothing);
    assert_eq!(
        api_changes(&api(), &whole_path).len(),
        2,
        "both its operations are gone"
    );
}

#[test]
fn what_was_not_asked_for_is_not_demanded() {
    expect_break(
        &format!("{GET}/parameters/0/required"),
        &json!(true),
        "?limit: the parameter has become required",
    );
    let new = json!({ "name": "page", "in": "query", "required": true, "schema": {} });
    expect_break(
        &format!("{GET}/parameters/-"),
        &new,
        "?page: the parameter has become required",
    );
    expect_break(
        &format!("{POST}/requestBody/required"),
        &json!(true),
        "its body has become required",
    );
    expect_break(
        &format!("{SCHEMAS}/NewThing/required/-"),
        &json!("price"),
        "body.price: the field has become required",
    );
    expect_break(
        &format!("{GET}/security"),
        &json!([{ "session": [] }]),
        "GET /things: it has come to need a session",
    );
}

#[test]
fn what_was_taken_is_taken() {
    expect_break(
        &format!("{SCHEMAS}/Sort/enum/1"),
        &Value::Null,
        "?sort: the value \"price\" is no longer taken",
    );
    expect_break(
        &format!("{GET}/parameters/0/schema/maximum"),
        &json!(50),
        "?limit: `maximum` was 100 and is 50",
    );
    let title = format!("{SCHEMAS}/NewThing/properties/title");
    expect_break(
        &format!("{title}/maxLength"),
        &json!(100),
        "title: `maxLength` was 200 and is 100",
    );
    expect_break(
        &format!("{title}/minLength"),
        &json!(2),
        "title: `minLength` was null and is 2",
    );
    expect_break(
        &format!("{title}/pattern"),
        &json!("^[A-Z]"),
        "title: `pattern` was null",
    );
    expect_break(
        &format!("{title}/enum"),
        &json!(["Opera"]),
        "title: its values were not limited",
    );
    expect_break(
        &format!("{SCHEMAS}/NewThing/properties/price/type"),
        &json!("integer"),
        "price: its type was",
    );
    expect_break(
        &format!("{SCHEMAS}/NewThing/properties/price/minimum"),
        &json!(1),
        "price: `minimum` was 0.01 and is 1",
    );
}

#[test]
fn what_is_given_is_known() {
    let thing = format!("{SCHEMAS}/Thing");
    expect_break(
        &format!("{SCHEMAS}/State/enum/-"),
        &json!("sold"),
        "state: the value \"sold\" was never given before",
    );
    expect_break(
        &format!("{SCHEMAS}/State/enum"),
        &Value::Null,
        "state: its values were not limited or are not any more",
    );
    expect_break(
        &format!("{thing}/required/1"),
        &Value::Null,
        "[].state: the field was always there and may now be missing",
    );
    expect_break(
        &format!("{thing}/properties/size/type"),
        &json!("number"),
        "size: its type was",
    );
    expect_break(
        &format!("{thing}/properties/size/type"),
        &json!(["integer", "null"]),
        "size: its type was",
    );
    expect_break(
        &format!("{thing}/properties/size/minimum"),
        &json!(-5),
        "size: `minimum` was 0 and is -5",
    );
    expect_break(
        &format!("{thing}/properties/id/pattern"),
        &Value::Null,
        "id: `pattern` was",
    );
    expect_break(
        &format!("{thing}/properties/owner/oneOf/-"),
        &json!({ "type": "integer" }),
        "owner: one of its shapes",
    );
    expect_break(
        &format!("{GET}/responses/202"),
        &json!({}),
        "202: it was never answered before",
    );
    expect_break(
        "/components/responses/Bad/content/application~1json/schema/type",
        &json!("array"),
        "400: its type was",
    );
}

#[test]
fn what_breaks_nobody_passes() {
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
    // Said in another way, or at another place, it is the same.
    expect_no_break(
        &format!("{thing}/properties/state"),
        &json!({ "type": "string", "enum": ["held", "free"] }),
    );
    let parts = json!({ "allOf": [{ "$ref": "#/components/schemas/State" }, { "description": "Where it stands." }] });
    expect_no_break(&format!("{thing}/properties/state"), &parts);
}

#[test]
fn events_stay_readable_by_those_that_are_there_and_by_those_that_come() {
    let expect = |pointer: &str, part: &Value, words: &str| {
        let found = event_changes(&events(), &with(events(), pointer, part));
        assert!(
            found.len() == 1 && found[0].contains(words),
            "{pointer}: {found:?}, and not {words:?}"
        );
    };
    let nothing = Value::Null;
    let state = "/components/schemas/ThingState";
    expect(
        "/channels/thingMade",
        &nothing,
        "thingMade: the channel is gone",
    );
    expect(
        "/channels/thingMade/address",
        &json!("thing.made"),
        "its subject was thing:made and is thing.made",
    );
    expect(
        "/channels/thingMade/messages/thingMade",
        &nothing,
        "the message thingMade is gone",
    );
    expect(
        "/operations/things.send.thingMade",
        &nothing,
        "nobody does this any more",
    );
    expect(
        "/operations/orders.receive.thingMade/bindings/nats/queue",
        &json!("orders"),
        "its queue group is another",
    );
    expect(
        &format!("{state}/properties/note"),
        &nothing,
        "thing:made.note: the field is gone",
    );
    expect(
        &format!("{state}/required/-"),
        &json!("note"),
        "thing:made.note: the field has become required",
    );
    expect(
        &format!("{state}/required/0"),
        &nothing,
        "thing:made.id: the field was always there",
    );
    expect(
        &format!("{state}/properties/id/type"),
        &json!("integer"),
        "thing:made.id: its type was",
    );
    let headers = "/components/messages/thingMade/headers";
    expect(
        &format!("{headers}/properties/ce-id"),
        &nothing,
        "thing:made headers.ce-id: the field is gone",
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
