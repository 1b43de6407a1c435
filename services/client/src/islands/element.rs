//! Elements that the server made, found and changed.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The first element that the selector finds.
pub(super) fn find(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}

/// An attribute of the first element that the selector finds.
pub(super) fn attribute(selector: &str, name: &str) -> Option<String> {
    find(selector)?.get_attribute(name)
}

/// An attribute that is a number.
pub(super) fn number(selector: &str, name: &str) -> Option<i64> {
    attribute(selector, name)?.parse().ok()
}

/// Changes the text of the first element that the selector finds.
pub(super) fn set_text(selector: &str, text: &str) {
    if let Some(element) = find(selector) {
        element.set_text_content(Some(text));
    }
}

/// Gives an attribute of the first element that the selector finds a value, or takes it away.
pub(super) fn set_attribute(selector: &str, name: &str, value: Option<&str>) {
    let Some(element) = find(selector) else {
        return;
    };
    // It fails for names that no attribute can have.
    let _ = match value {
        Some(value) => element.set_attribute(name, value),
        None => element.remove_attribute(name),
    };
}

/// Moves the keyboard's focus.
pub(super) fn focus(selector: &str) {
    if let Some(element) = find(selector) {
        // An element that cannot take the focus leaves it where it is.
        let _ = element.unchecked_into::<HtmlElement>().focus();
    }
}
