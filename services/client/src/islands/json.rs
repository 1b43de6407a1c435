//! Reads JSON with the browser's own parser, which keeps the WASM small.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// A parsed value.
pub(super) struct Json(JsValue);

impl Json {
    /// Parses a text; `None` if it is not JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        js_sys::JSON::parse(text).ok().map(Self)
    }

    /// A field of an object, or an element of an array.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        Reflect::get(&self.0, &name.into()).ok().map(Self)
    }

    /// The field, if it is a string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.0.as_string()
    }

    /// Whether the field is true.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|field| field.0.is_truthy())
    }

    /// The field times `scale`, rounded, if it is a number.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "versions and cents are far below the range"
    )]
    pub(super) fn number(&self, name: &str, scale: f64) -> Option<i64> {
        let number = self.get(name)?.0.as_f64()?;
        Some((number * scale).round() as i64)
    }
}

/// The text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let quoted = js_sys::JSON::stringify(&JsValue::from_str(text));
    quoted.map(String::from).unwrap_or_default()
}
