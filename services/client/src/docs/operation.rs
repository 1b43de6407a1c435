//! The operations of an API.

use serde_json::Value;

use super::json::{Document, elements, members, owned, paragraphs, pretty, text};
use super::schema::{Field, choices, example, fields, kind};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A method on a path.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) service: &'static str,
    /// Its name within the service.
    pub(crate) id: String,
    pub(crate) method: String,
    /// With `{name}` for each parameter.
    pub(crate) path: String,
    pub(crate) summary: String,
    /// In paragraphs.
    pub(crate) description: Vec<String>,
    /// Whether it is an alias of another operation.
    pub(crate) deprecated: bool,
    pub(crate) needs_session: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body_fields: Vec<Field>,
    /// An example of its body, if it has one.
    pub(crate) body: Option<String>,
    pub(crate) answers: Vec<Answer>,
}

/// A parameter of an operation.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) kind: String,
    pub(crate) description: String,
    pub(crate) example: Option<String>,
    /// The allowed values, if they are listed.
    pub(crate) choices: Vec<String>,
}

/// The place of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

impl Place {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// An answer of an operation.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) description: String,
    /// The headers and their descriptions.
    pub(crate) headers: Vec<(String, String)>,
    /// The type of the body, if there is one.
    pub(crate) kind: Option<String>,
    pub(crate) fields: Vec<Field>,
    /// An example of the body of a success.
    pub(crate) example: Option<String>,
    /// An example of the message of a failure.
    pub(crate) message: Option<String>,
}

impl Operation {
    /// Whether its answer is an endless stream.
    pub(crate) fn streams(&self) -> bool {
        self.answers
            .iter()
            .any(|answer| answer.kind.as_deref() == Some("text/event-stream"))
    }

    /// Whether a form can send it: the answer is finite, and no header is required.
    pub(crate) fn is_testable(&self) -> bool {
        let header = |parameter: &Parameter| parameter.place == Place::Header && parameter.required;
        !self.streams() && !self.parameters.iter().any(header)
    }

    /// Its fragment in the URL of a page.
    pub(crate) fn anchor(&self) -> String {
        format!("{}-{}", self.service, self.id)
    }
}

/// All operations of the document, aliases last.
pub(super) fn all(document: &Document, service: &'static str) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in members(document.at("/paths")) {
        for method in METHODS
            .into_iter()
            .filter(|method| item[*method].is_object())
        {
            operations.push(operation(document, service, path, method, &item[method]));
        }
    }
    operations.sort_by_key(|operation| operation.deprecated);
    operations
}

fn operation(
    document: &Document,
    service: &'static str,
    path: &str,
    method: &str,
    part: &Value,
) -> Operation {
    let request = document.resolve(&part["requestBody"]);
    let body = members(&request["content"]).next();
    let schema = body.map(|(_, content)| &content["schema"]);
    let description = paragraphs(text(&part["description"]));
    Operation {
        service,
        id: owned(&part["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: owned(&part["summary"]),
        description,
        deprecated: part["deprecated"] == true,
        needs_session: elements(&part["security"]).next().is_some(),
        parameters: elements(&part["parameters"])
            .map(|part| parameter(document, part))
            .collect(),
        body_fields: schema
            .map(|schema| fields(document, schema))
            .unwrap_or_default(),
        body: schema.map(|schema| pretty(&example(document, schema))),
        answers: members(&part["responses"])
            .map(|(status, part)| answer(document, status, part))
            .collect(),
    }
}

fn parameter(document: &Document, part: &Value) -> Parameter {
    let part = document.resolve(part);
    let schema = &part["schema"];
    let example = [&part["example"], &document.resolve(schema)["example"]]
        .into_iter()
        .find(|example| !example.is_null())
        .cloned();
    Parameter {
        name: owned(&part["name"]),
        place: match text(&part["in"]) {
            "path" => Place::Path,
            "header" => Place::Header,
            _ => Place::Query,
        },
        required: part["required"] == true,
        kind: kind(document, schema),
        description: owned(&part["description"]),
        example: example.map(|example| {
            example
                .as_str()
                .map_or_else(|| example.to_string(), str::to_owned)
        }),
        choices: choices(document, schema),
    }
}

fn answer(document: &Document, status: &str, part: &Value) -> Answer {
    let part = document.resolve(part);
    let headers = members(&part["headers"]);
    let headers = headers.map(|(name, header)| (name.clone(), owned(&header["description"])));
    let content = members(&part["content"]).next();
    let failure = status.starts_with(['4', '5']);
    let schema = content.map(|(_, content)| &content["schema"]);
    let json = content.filter(|(kind, _)| *kind == "application/json" && !failure);
    let example = |content: &Value| {
        let given = &content["example"];
        if given.is_null() {
            example(document, &content["schema"])
        } else {
            given.clone()
        }
    };
    Answer {
        status: status.to_owned(),
        description: owned(&part["description"]),
        headers: headers.collect(),
        kind: content.map(|(media, content)| body_kind(document, media, &content["schema"])),
        fields: schema
            .filter(|_| !failure)
            .map(|schema| fields(document, schema))
            .unwrap_or_default(),
        example: json.map(|(_, content)| pretty(&example(content))),
        message: content
            .filter(|_| failure)
            .map(|(_, content)| owned(&example(content)["errors"][0]["message"])),
    }
}

/// The name of a body's type.
fn body_kind(document: &Document, media: &str, schema: &Value) -> String {
    let name = text(&schema["$ref"]).rsplit('/').next().unwrap_or_default();
    match (media, name) {
        ("application/json", "") => kind(document, schema),
        ("application/json", name) => name.to_owned(),
        (media, _) => media.to_owned(),
    }
}
