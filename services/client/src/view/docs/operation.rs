//! An operation: a line that expands to its full description.

use leptos::prelude::*;

use super::{code, trial};
use crate::docs::{Answer, Operation, Parameter};

pub(super) fn operation(operation: &'static Operation, origin: &str) -> impl IntoView + use<> {
    let class = if operation.deprecated {
        "operation alias"
    } else {
        "operation"
    };
    view! {
        <details class=class>
            <summary>
                {code::heading(operation)} <span class="summary">{code::prose(&operation.summary)}</span>
            </summary>
            <div class="inside" id=operation.anchor()>
                {body(operation, origin)}
            </div>
        </details>
    }
}

/// The parameters, the body, the answers, and a form to try the operation.
fn body(operation: &'static Operation, origin: &str) -> impl IntoView + use<> {
    let paragraphs = operation
        .description
        .iter()
        .map(|text| view! { <p>{code::prose(text)}</p> });
    let answers = operation.answers.iter().map(answer).collect_view();
    let success = operation
        .answers
        .iter()
        .find(|answer| answer.status.starts_with('2'));
    let success = success.map(|answer| {
        view! {
            {code::fields("Fields of the answer", &answer.fields)}
            {answer.example.as_deref().map(|example| code::block("Example of the answer", example))}
        }
    });
    view! {
        {paragraphs.collect_view()}
        {(!operation.parameters.is_empty()).then(|| parameters(&operation.parameters))}
        {operation
            .body
            .as_deref()
            .map(|example| {
                view! {
                    <h4>"Body"</h4>
                    {code::fields("Fields of the body", &operation.body_fields)}
                    {code::block("Example of the body", example)}
                }
            })}
        <h4>"Answers"</h4>
        <ul class="answers">{answers}</ul>
        {success}
        <h4>"Try it"</h4>
        {code::block("On a command line", &curl(operation, origin))}
        {operation.is_testable().then(|| trial::form(operation, None))}
    }
}

fn parameters(parameters: &'static [Parameter]) -> impl IntoView {
    let rows = parameters.iter().map(|parameter| {
        let need = if parameter.required { "" } else { "optional" };
        view! {
            <li>
                <code class="name">{parameter.name.clone()}</code>
                <span class="kind">{code::prose(&parameter.kind)}</span>
                <span class="need">{format!("{} {need}", parameter.place.as_str())}</span>
                <span class="what">{code::prose(&parameter.description)}</span>
            </li>
        }
    });
    view! {
        <h4>"Parameters"</h4>
        <ul class="fields" aria-label="Parameters">
            {rows.collect_view()}
        </ul>
    }
}

fn answer(answer: &'static Answer) -> impl IntoView {
    let class = format!(
        "status s{}",
        answer.status.chars().next().unwrap_or_default()
    );
    let failure = answer.message.is_some();
    let kind = answer.kind.as_deref().filter(|_| !failure);
    let headers = answer.headers.iter().map(|(name, description)| {
        view! {
            <span class="header">
                <code>{name.clone()}</code> ": " {code::prose(description)}
            </span>
        }
    });
    view! {
        <li>
            <code class=class>{answer.status.clone()}</code>
            <span class="what">
                {code::prose(&answer.description)} {kind.map(|kind| view! { ": " <code>{kind.to_owned()}</code> })}
                {answer
                    .message
                    .as_deref()
                    .map(|message| {
                        view! { <q>{message.to_owned()}</q> }
                    })} {headers.collect_view()}
            </span>
        </li>
    }
}

/// The call as a `curl` command.
fn curl(operation: &Operation, origin: &str) -> String {
    let mut line = "curl".to_owned();
    if operation.streams() {
        line.push_str(" -N");
    }
    if operation.method != "GET" {
        line.push_str(" -X ");
        line.push_str(&operation.method);
    }
    if operation.needs_session {
        line.push_str(" -b session=$SESSION");
    }
    if let Some(body) = &operation.body {
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        line.push_str(" -H 'content-type: application/json' \\\n  -d '");
        line.push_str(&body.to_string());
        line.push_str("' \\\n ");
    }
    format!("{line} '{origin}{}'", operation.path)
}
