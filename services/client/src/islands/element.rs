//! Finds and changes elements that the server rendered.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The first element that matches the selector.
pub(super) fn find(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}

/// An attribute of the first match.
pub(super) fn attribute(selector: &str, name: &str) -> Option<String> {
    find(selector)?.get_attribute(name)
}

/// A numeric attribute of the first match.
pub(super) fn number(selector: &str, name: &str) -> Option<i64> {
    attribute(selector, name)?.parse().ok()
}

/// Sets the text of the first match.
pub(super) fn set_text(selector: &str, text: &str) {
    if let Some(element) = find(selector) {
        element.set_text_content(Some(text));
    }
}

/// Sets or removes an attribute of the first match.
pub(super) fn set_attribute(selector: &str, name: &str, value: Option<&str>) {
    let Some(element) = find(selector) else {
        return;
    };
    // It fails only for invalid names.
    let _ = match value {
        Some(value) => element.set_attribute(name, value),
        None => element.remove_attribute(name),
    };
}

/// Focuses the first match.
pub(super) fn focus(selector: &str) {
    if let Some(element) = find(selector) {
        // An element that is not focusable leaves the focus where it is.
        let _ = element.unchecked_into::<HtmlElement>().focus();
    }
}
