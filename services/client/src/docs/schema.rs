//! A schema as a table of fields, in a few words, and by an example.

use serde_json::{Map, Value};

use super::json::{Document, elements, members, owned, text};

/// How deep fields within fields are shown.
const DEEPEST: usize = 4;

/// A field of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name, after those of the fields that it is in.
    pub(crate) name: String,
    /// What it may be.
    pub(crate) kind: String,
    pub(crate) required: bool,
    pub(crate) description: String,
}

/// The fields of an object, or of a list's objects; none of anything else.
pub(super) fn fields(document: &Document, schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    collect(document, schema, "", 0, &mut fields);
    fields
}

fn collect(
    document: &Document,
    schema: &Value,
    within: &str,
    depth: usize,
    fields: &mut Vec<Field>,
) {
    let schema = one(document, schema);
    if depth > DEEPEST {
        return;
    }
    if !schema["items"].is_null() {
        let within = if within.is_empty() {
            String::new()
        } else {
            format!("{within}[]")
        };
        collect(document, &schema["items"], &within, depth + 1, fields);
    }
    for (name, part) in members(&schema["properties"]) {
        let name = if within.is_empty() {
            name.clone()
        } else {
            format!("{within}.{name}")
        };
        let plain = name.rsplit('.').next().unwrap_or_default();
        let whole = one(document, part);
        fields.push(Field {
            kind: kind(document, part),
            required: elements(&schema["required"]).any(|required| required == plain),
            description: owned(&whole["description"]),
            name: name.clone(),
        });
        collect(document, part, &name, depth + 1, fields);
    }
}

/// The schema with its references followed, its parts put together, and without the choice of being nothing.
fn one(document: &Document, schema: &Value) -> Value {
    let schema = document.resolve(schema).into_owned();
    let parts = elements(&schema["allOf"]);
    let choices = elements(&schema["oneOf"]).filter(|choice| text(&choice["type"]) != "null");
    let mut whole = Map::new();
    for part in parts.chain(choices.take(1)) {
        whole.extend(
            members(&one(document, part)).map(|(name, value)| (name.clone(), value.clone())),
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

/// What a value may be, in a few words.
pub(super) fn kind(document: &Document, schema: &Value) -> String {
    let whole = one(document, schema);
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

/// The only values that there are, if they are listed.
pub(super) fn choices(document: &Document, schema: &Value) -> Vec<String> {
    let schema = one(document, schema);
    let only =
        elements(&schema["enum"]).chain(Some(&schema["const"]).filter(|only| !only.is_null()));
    only.map(owned).collect()
}

/// A value that the schema describes.
pub(super) fn example(document: &Document, schema: &Value) -> Value {
    let schema = one(document, schema);
    let said = [
        &schema["example"],
        &schema["examples"][0],
        &schema["const"],
        &schema["enum"][0],
    ];
    if let Some(said) = said.into_iter().find(|said| !said.is_null()) {
        return said.clone();
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
