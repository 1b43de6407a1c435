//! A try of an operation: the form that sends it, and what came of it.

use std::collections::HashMap;

use leptos::prelude::*;

use super::{code, operation};
use crate::docs::{Operation, Parameter, Place};

/// What was sent, and what came of it.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) operation: &'static Operation,
    /// What was typed, by the names of the fields.
    pub(crate) typed: HashMap<String, String>,
    pub(crate) tried: Tried,
}

/// What came of a try.
#[derive(Debug)]
pub(crate) enum Tried {
    /// The API answered.
    Answered {
        /// The request's path and query.
        address: String,
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// It could not be sent as it was typed.
    Unsendable(&'static str),
    /// The service does not answer.
    Unavailable,
}

/// The field in which a body is typed; no parameter is called so.
pub(crate) const BODY: &str = "(body)";

/// `/docs/try/…`
pub(crate) fn trial(trial: Trial) -> impl IntoView {
    let Trial {
        operation,
        typed,
        tried,
    } = trial;
    view! {
        <div class="docs-trial">
            <p>
                <a href=format!("/docs#{}", operation.anchor())>"Back to the API"</a>
            </p>
            <h1>"Try it"</h1>
            {operation::heading(operation)}
            {outcome(&operation.method, tried)}
            {form(operation, Some(&typed))}
        </div>
    }
}

fn outcome(method: &str, tried: Tried) -> AnyView {
    match tried {
        Tried::Unsendable(reason) => {
            view! { <p class="notice bad" role="alert">{reason}</p> }.into_any()
        }
        Tried::Unavailable => view! {
            <p class="notice bad" role="alert">
                "The service does not answer at the moment."
            </p>
        }
        .into_any(),
        Tried::Answered {
            address,
            status,
            headers,
            body,
        } => {
            let mut head = format!("{method} {address}\n\n{status}");
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

/// A form that sends the operation, with what was typed before.
pub(super) fn form(
    operation: &'static Operation,
    typed: Option<&HashMap<String, String>>,
) -> impl IntoView + use<> {
    let said = |name: &str| typed.map(|typed| typed.get(name).cloned().unwrap_or_default());
    let fields = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place != Place::Header);
    let fields = fields
        .map(|parameter| field(operation, parameter, said(&parameter.name)))
        .collect_view();
    let body = operation.body.as_ref().map(|example| {
        let id = format!("{}-body", operation.anchor());
        let value = said(BODY).unwrap_or_else(|| example.clone());
        let rows = value.lines().count().clamp(3, 12).to_string();
        view! {
            <div class="field">
                <label for=id.clone()>"Body"</label>
                <textarea id=id name=BODY rows=rows spellcheck="false">{code::escaped(&value)}</textarea>
            </div>
        }
    });
    let means = if operation.method == "GET" {
        "Sends a real request, as whoever you are signed in as here."
    } else {
        "Sends a real request, as whoever you are signed in as here. What it changes is changed."
    };
    view! {
        <form class="try" method="post" action=format!("/docs/try/{}/{}", operation.service, operation.id)>
            {fields} {body}
            <p class="hint">{means}</p>
            <button class="second">"Send"</button>
        </form>
    }
}

fn field(
    operation: &Operation,
    parameter: &'static Parameter,
    typed: Option<String>,
) -> impl IntoView + use<> {
    let id = format!("{}-{}", operation.anchor(), parameter.name);
    let value = typed.unwrap_or_default();
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
