//! Building blocks of the developers' pages: code, headings and tables of fields.

use leptos::prelude::*;

use crate::docs::{Field, Operation};

/// A text with code in backticks.
pub(super) fn prose(text: &str) -> AnyView {
    let parts = text.split('`').enumerate().map(|(index, part)| {
        let part = part.to_owned();
        if index % 2 == 1 {
            view! { <code>{part}</code> }.into_any()
        } else {
            part.into_any()
        }
    });
    parts.collect_view().into_any()
}

/// The method of an operation.
pub(super) fn method(name: &str) -> impl IntoView + use<> {
    let class = format!("method {}", name.to_lowercase());
    view! { <span class=class>{name.to_owned()}</span> }
}

/// The heading of an operation.
pub(super) fn heading(operation: &Operation) -> impl IntoView + use<> {
    let session = operation
        .needs_session
        .then(|| view! { <span class="badge held">"session"</span> });
    let alias = operation
        .deprecated
        .then(|| view! { <span class="badge over">"alias"</span> });
    view! {
        <h3>
            {method(&operation.method)} <code class="path">{operation.path.clone()}</code> {session} {alias}
        </h3>
    }
}

/// A block of code that is scrollable by keyboard.
pub(super) fn block(label: &str, code: &str) -> AnyView {
    view! {
        <pre class="code" tabindex="0" role="group" aria-label=label.to_owned()>
            <code>{code.to_owned()}</code>
        </pre>
    }
    .into_any()
}

/// Escapes a text for a `textarea`, since Leptos does not escape its children.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The table of a body's fields, if there are any.
pub(super) fn fields(label: &str, fields: &[Field]) -> Option<AnyView> {
    let rows = fields.iter().map(|field| {
        let need = if field.required { "" } else { "optional" };
        let Field {
            name,
            kind,
            description,
            ..
        } = field.clone();
        view! {
            <li>
                <code class="name">{name}</code>
                <span class="kind">{prose(&kind)}</span>
                <span class="need">{need}</span>
                <span class="what">{prose(&description)}</span>
            </li>
        }
    });
    (!fields.is_empty()).then(|| {
        view! {
            <ul class="fields" aria-label=label.to_owned()>
                {rows.collect_view()}
            </ul>
        }
        .into_any()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_input_cannot_leave_its_field() {
        let input = "</textarea><script>1 & 2</script>";
        assert_eq!(
            escaped(input),
            "&lt;/textarea>&lt;script>1 &amp; 2&lt;/script>"
        );
    }
}
