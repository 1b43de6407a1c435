//! Code in prose, and fields in tables.

use leptos::prelude::*;

use crate::docs::Field;

/// A text in which what stands between backticks is code.
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

/// A block of code, which can be scrolled by keyboard.
pub(super) fn block(label: &str, code: &str) -> AnyView {
    view! {
        <pre class="code" tabindex="0" role="group" aria-label=label.to_owned()>
            <code>{code.to_owned()}</code>
        </pre>
    }
    .into_any()
}

/// A text for a `textarea`, whose children are not escaped for us.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The fields of a body; nothing if it has none.
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
    fn what_was_typed_stays_in_its_field() {
        let typed = "</textarea><script>1 & 2</script>";
        assert_eq!(
            escaped(typed),
            "&lt;/textarea>&lt;script>1 &amp; 2&lt;/script>"
        );
    }
}
