//! Form fields with their labels and errors.
#![expect(
    unreachable_pub,
    clippy::needless_pass_by_value,
    reason = "the macro makes components public and their properties owned"
)]

use common::{ErrorBody, FieldError};
use leptos::prelude::*;
use web::IDEMPOTENCY_KEY;

use crate::api::FormToken;

/// The errors of a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    fn of(&self, field: &str) -> Option<String> {
        let named = |error: &&FieldError| error.field.as_deref() == Some(field);
        self.0.iter().find(named).map(|error| error.message.clone())
    }

    /// The errors of the form as a whole, and of fields that it does not show.
    fn general(&self, fields: &[&str]) -> Vec<String> {
        let shown = |error: &&FieldError| {
            let field = error.field.as_deref();
            !field.is_some_and(|field| fields.contains(&field))
        };
        let general = self.0.iter().filter(shown);
        general.map(|error| error.message.clone()).collect()
    }
}

/// The message when the form's token was already used with other input, as after going back in the browser.
const TOKEN_REUSED: &str = "This form was already sent. Please check it and send it again.";

impl From<Vec<FieldError>> for Faults {
    fn from(mut errors: Vec<FieldError>) -> Self {
        let is_key = |field: &str| field.eq_ignore_ascii_case(IDEMPOTENCY_KEY.as_str());
        for error in &mut errors {
            if error.field.as_deref().is_some_and(is_key) {
                *error = ErrorBody::message(TOKEN_REUSED).errors.remove(0);
            }
        }
        Self(errors)
    }
}

/// A hidden field that prevents a form that is sent twice from creating two things.
#[component]
pub(super) fn Token() -> impl IntoView {
    view! { <input type="hidden" name=FormToken::FIELD value=FormToken::generate() /> }
}

/// The errors of the form as a whole.
#[component]
pub(crate) fn Alert(faults: Faults, fields: &'static [&'static str]) -> impl IntoView {
    let messages = faults.general(fields);
    (!messages.is_empty()).then(|| {
        view! {
            <div class="notice bad" role="alert">
                {messages.into_iter().map(|message| view! { <p>{message}</p> }).collect_view()}
            </div>
        }
    })
}

/// A labelled input with its error. The first invalid field has the focus.
#[component]
pub(super) fn Field(
    name: &'static str,
    label: &'static str,
    #[prop(default = "text")] kind: &'static str,
    #[prop(into, optional)] value: String,
    #[prop(optional)] hint: &'static str,
    #[prop(optional)] autocomplete: &'static str,
    #[prop(optional)] inputmode: &'static str,
    #[prop(optional)] maxlength: &'static str,
    #[prop(optional)] first: bool,
    faults: Faults,
) -> impl IntoView {
    let fault = faults.of(name);
    let first_fault = faults.0.iter().find_map(|error| error.field.as_deref());
    // A refused form focuses its first error. A new form focuses its first field, if the page is just the form.
    let focused = if faults.any() {
        first_fault == Some(name)
    } else {
        first
    };
    let (hint_id, fault_id) = (format!("{name}-hint"), format!("{name}-fault"));
    let described: Vec<_> = [
        (!hint.is_empty()).then(|| hint_id.clone()),
        fault.is_some().then(|| fault_id.clone()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let set = |text: &'static str| (!text.is_empty()).then_some(text);
    view! {
        <div class="field">
            <label for=name>{label}</label>
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=hint_id>{hint}</p> })}
            <input
                id=name
                name=name
                type=kind
                value=(!value.is_empty()).then_some(value)
                required
                autocomplete=set(autocomplete)
                inputmode=set(inputmode)
                maxlength=set(maxlength)
                autofocus=focused
                aria-invalid=fault.is_some().then_some("true")
                aria-describedby=(!described.is_empty()).then(|| described.join(" "))
            />
            {fault.map(|message| view! { <p class="fault" id=fault_id>{message}</p> })}
        </div>
    }
}
