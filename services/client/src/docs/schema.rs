//! Describes a schema by its fields, by its type in words, and by an example.

use serde_json::{Map, Value};

use super::json::{Document, elements, members, owned, text};

/// How deeply nested fields are listed.
const MAX_DEPTH: usize = 4;

/// A field of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its full name, prefixed by the fields that contain it.
    pub(crate) name: String,
    /// Its type in words.
    pub(crate) kind: String,
    pub(crate) required: bool,
    pub(crate) description: String,
}

/// The fields of an object or of a list's objects; empty for other types.
pub(super) fn fields(document: &Document, schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    collect(document, schema, "", 0, &mut fields);
    fields
}

fn collect(
    document: &Document,
    schema: &Value,
    prefix: &str,
    depth: usize,
    fields: &mut Vec<Field>,
) {
    let schema = merged(document, schema);
    if depth > MAX_DEPTH {
        return;
    }
    if !schema["items"].is_null() {
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}[]")
        };
        collect(document, &schema["items"], &prefix, depth + 1, fields);
    }
    for (name, part) in members(&schema["properties"]) {
        let required = elements(&schema["required"]).any(|required| required == name);
        let name = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        let whole = merged(document, part);
        fields.push(Field {
            kind: kind(document, part),
            required,
            description: owned(&whole["description"]),
            name: name.clone(),
        });
        collect(document, part, &name, depth + 1, fields);
    }
}

/// The schema with its references resolved, its parts merged, and without the `null` alternative.
fn merged(document: &Document, schema: &Value) -> Value {
    let schema = document.resolve(schema).into_owned();
    let parts = elements(&schema["allOf"]);
    let choices = elements(&schema["oneOf"]).filter(|choice| text(&choice["type"]) != "null");
    let mut whole = Map::new();
    for part in parts.chain(choices.take(1)) {
        whole.extend(
            members(&merged(document, part)).map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    whole.extend(members(&schema).map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(whole)
}

fn may_be_null(document: &Document, schema: &Value) -> bool {
    let schema = document.resolve(schema);
    let listed = elements(&schema["type"]).any(|kind| kind == "null");
    listed || elements(&schema["oneOf"]).any(|choice| text(&choice["type"]) == "null")
}

/// The type of a value, in words.
pub(super) fn kind(document: &Document, schema: &Value) -> String {
    let whole = merged(document, schema);
    let choices = choices(document, schema);
    let mut words = if !choices.is_empty() {
        choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect::<Vec<_>>()
            .join(" or ")
    } else if text(&whole["type"]) == "array" {
        let items = &whole["items"];
        let name = text(&items["$ref"]).rsplit('/').next().unwrap_or_default();
        let items = if name.is_empty() {
            kind(document, items)
        } else {
            name.to_owned()
        };
        format!("list of {items}")
    } else {
        plain_kind(&whole)
    };
    if may_be_null(document, schema) {
        words.push_str(" or `null`");
    }
    words
}

fn plain_kind(schema: &Value) -> String {
    let several = elements(&schema["type"]).map(text);
    let several: Vec<_> = several.filter(|kind| *kind != "null").collect();
    let base = match text(&schema["type"]) {
        "" if several.is_empty() => "anything".to_owned(),
        "" => several.join(" or "),
        base => base.to_owned(),
    };
    let mut words = vec![base];
    let number = |name: &str| schema[name].as_f64().map(|bound| bound.to_string());
    match text(&schema["format"]) {
        "" | "int32" | "int64" | "double" => {}
        format => words.push(format.to_owned()),
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        words.push(format!("`{pattern}`"));
    }
    let bounds = match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("at least {least}")),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => number("exclusiveMinimum").map(|bound| format!("above {bound}")),
    };
    words.extend(bounds);
    let lengths = match (number("minLength"), number("maxLength")) {
        (Some(least), Some(most)) => Some(format!("{least} to {most} characters")),
        (Some(least), None) => Some(format!("at least {least} characters")),
        (None, Some(most)) => Some(format!("at most {most} characters")),
        (None, None) => None,
    };
    words.extend(lengths);
    words.join(", ")
}

/// The allowed values, if they are listed.
pub(super) fn choices(document: &Document, schema: &Value) -> Vec<String> {
    let schema = merged(document, schema);
    let only =
        elements(&schema["enum"]).chain(Some(&schema["const"]).filter(|only| !only.is_null()));
    only.map(owned).collect()
}

/// An example value of the schema.
pub(super) fn example(document: &Document, schema: &Value) -> Value {
    let schema = merged(document, schema);
    let given = [
        &schema["example"],
        &schema["examples"][0],
        &schema["const"],
        &schema["enum"][0],
    ];
    if let Some(given) = given.into_iter().find(|given| !given.is_null()) {
        return given.clone();
    }
    if schema["properties"].is_object() {
        let fields = members(&schema["properties"]);
        return fields
            .map(|(name, part)| (name.clone(), example(document, part)))
            .collect();
    }
    match text(&schema["type"]) {
        "array" => Value::Array(vec![example(document, &schema["items"])]),
        "object" => Value::Object(Map::new()),
        "integer" | "number" => schema["minimum"].as_u64().unwrap_or_default().into(),
        "boolean" => false.into(),
        _ => "…".into(),
    }
}
