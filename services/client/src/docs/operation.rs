//! The operations of an API.

use serde_json::Value;

use super::json::{Document, elements, members, owned, pretty, text};
use super::paragraphs;
use super::schema::{Field, choices, example, fields, kind};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A method on a path.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) service: &'static str,
    /// Its name within the service.
    pub(crate) id: String,
    pub(crate) method: String,
    /// With `{name}` where a parameter stands.
    pub(crate) path: String,
    pub(crate) summary: String,
    /// A paragraph each.
    pub(crate) description: Vec<String>,
    /// Whether it is another spelling of one that is to be preferred.
    pub(crate) deprecated: bool,
    pub(crate) needs_session: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body_fields: Vec<Field>,
    /// An example of the body that it takes, if it takes one.
    pub(crate) body: Option<String>,
    pub(crate) answers: Vec<Answer>,
}

/// What an operation takes beside its body.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) kind: String,
    pub(crate) description: String,
    pub(crate) example: Option<String>,
    /// The only values that there are, if they are listed.
    pub(crate) choices: Vec<String>,
}

/// Where a parameter stands.
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

/// What an operation may answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) description: String,
    /// The headers that say something, and what.
    pub(crate) headers: Vec<(String, String)>,
    /// What the body is, if there is one.
    pub(crate) kind: Option<String>,
    pub(crate) fields: Vec<Field>,
    /// An example of the body, of an answer that is no failure.
    pub(crate) example: Option<String>,
    /// What a failure says, for example.
    pub(crate) message: Option<String>,
}

impl Operation {
    /// Whether it goes on answering for as long as somebody listens.
    pub(crate) fn streams(&self) -> bool {
        self.answers
            .iter()
            .any(|answer| answer.kind.as_deref() == Some("text/event-stream"))
    }

    /// Whether a form can send it: it ends, and needs no header that only a program can make.
    pub(crate) fn can_be_tried(&self) -> bool {
        let header = |parameter: &Parameter| parameter.place == Place::Header && parameter.required;
        !self.streams() && !self.parameters.iter().any(header)
    }

    /// What a page calls it in an address.
    pub(crate) fn anchor(&self) -> String {
        format!("{}-{}", self.service, self.id)
    }
}

/// The operations of the document; those to be preferred come first.
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
    let said = [&part["example"], &document.resolve(schema)["example"]]
        .into_iter()
        .find(|said| !said.is_null())
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
        example: said.map(|said| {
            said.as_str()
                .map_or_else(|| said.to_string(), str::to_owned)
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
    let said = |content: &Value| {
        let said = &content["example"];
        if said.is_null() {
            example(document, &content["schema"])
        } else {
            said.clone()
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
        example: json.map(|(_, content)| pretty(&said(content))),
        message: content
            .filter(|_| failure)
            .map(|(_, content)| owned(&said(content)["errors"][0]["message"])),
    }
}

/// The name of what a body is, where it has one.
fn body_kind(document: &Document, media: &str, schema: &Value) -> String {
    let name = text(&schema["$ref"]).rsplit('/').next().unwrap_or_default();
    match (media, name) {
        ("application/json", "") => kind(document, schema),
        ("application/json", name) => name.to_owned(),
        (media, _) => media.to_owned(),
    }
}
