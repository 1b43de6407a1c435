//! A trial call of an operation: the form and the outcome.

use std::collections::HashMap;

use leptos::prelude::*;

use super::code;
use crate::docs::{Operation, Parameter, Place};

/// A trial call and its outcome.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) operation: &'static Operation,
    /// The input by field name.
    pub(crate) input: HashMap<String, String>,
    pub(crate) outcome: Outcome,
}

/// The outcome of a trial call.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The API answered.
    Answered {
        /// The request's path and query.
        url: String,
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// The input is not a valid request.
    Invalid(&'static str),
    /// The service does not answer.
    Unavailable,
}

/// The name of the field for the body. No parameter has this name.
pub(crate) const BODY: &str = "(body)";

/// `/docs/try/…`
pub(crate) fn trial(trial: Trial) -> impl IntoView {
    let Trial {
        operation,
        input,
        outcome,
    } = trial;
    view! {
        <div class="docs-trial">
            <p>
                <a href=format!("/docs#{}", operation.anchor())>"Back to the API"</a>
            </p>
            <h1>"Try it"</h1>
            {code::heading(operation)}
            {outcome_view(&operation.method, outcome)}
            {form(operation, Some(&input))}
        </div>
    }
}

fn outcome_view(method: &str, outcome: Outcome) -> AnyView {
    match outcome {
        Outcome::Invalid(reason) => {
            view! { <p class="notice bad" role="alert">{reason}</p> }.into_any()
        }
        Outcome::Unavailable => view! {
            <p class="notice bad" role="alert">
                "The service does not answer at the moment."
            </p>
        }
        .into_any(),
        Outcome::Answered {
            url,
            status,
            headers,
            body,
        } => {
            let mut head = format!("{method} {url}\n\n{status}");
            for (name, value) in headers {
                head.extend(["\n", &name, ": ", &value]);
            }
            view! {
                <section aria-labelledby="answer">
                    <h2 id="answer">"The answer"</h2>
                    {code::block("Status and headers", &head)}
                    {(!body.is_empty()).then(|| code::block("Body", &body))}
                </section>
            }
            .into_any()
        }
    }
}

/// The form that sends the operation, with the previous input.
pub(super) fn form(
    operation: &'static Operation,
    input: Option<&HashMap<String, String>>,
) -> impl IntoView + use<> {
    let previous = |name: &str| input.map(|input| input.get(name).cloned().unwrap_or_default());
    let fields = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place != Place::Header);
    let fields = fields
        .map(|parameter| field(operation, parameter, previous(&parameter.name)))
        .collect_view();
    let body = operation.body.as_ref().map(|example| {
        let id = format!("{}-body", operation.anchor());
        let value = previous(BODY).unwrap_or_else(|| example.clone());
        let rows = value.lines().count().clamp(3, 12).to_string();
        view! {
            <div class="field">
                <label for=id.clone()>"Body"</label>
                <textarea id=id name=BODY rows=rows spellcheck="false">{code::escaped(&value)}</textarea>
            </div>
        }
    });
    let hint = if operation.method == "GET" {
        "This sends a real request with your session."
    } else {
        "This sends a real request with your session and changes real data."
    };
    view! {
        <form class="try" method="post" action=format!("/docs/try/{}/{}", operation.service, operation.id)>
            {fields} {body}
            <p class="hint">{hint}</p>
            <button class="second">"Send"</button>
        </form>
    }
}

fn field(
    operation: &Operation,
    parameter: &'static Parameter,
    value: Option<String>,
) -> impl IntoView + use<> {
    let id = format!("{}-{}", operation.anchor(), parameter.name);
    let value = value.unwrap_or_default();
    let input = if parameter.choices.is_empty() {
        let placeholder = parameter.example.clone();
        view! {
            <input
                id=id.clone()
                name=parameter.name.clone()
                value=value
                placeholder=placeholder
                required=parameter.required
                autocomplete="off"
                spellcheck="false"
            />
        }
        .into_any()
    } else {
        let options = Some(String::new())
            .into_iter()
            .chain(parameter.choices.iter().cloned());
        let options = options.map(|choice| {
            let chosen = choice == value;
            let value = choice.clone();
            view! { <option value=value selected=chosen>{choice}</option> }
        });
        view! {
            <select id=id.clone() name=parameter.name.clone()>
                {options.collect_view()}
            </select>
        }
        .into_any()
    };
    view! {
        <div class="field">
            <label for=id>
                <code>{parameter.name.clone()}</code>
            </label>
            {input}
        </div>
    }
}
