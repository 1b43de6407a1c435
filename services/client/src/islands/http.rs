//! Requests from the page to the API, with the shopper's cookie.

use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};

/// An answer with any status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

/// Sends a GET; `None` if it gets no answer.
pub(super) async fn get(path: &str) -> Option<Answer> {
    send(path, &RequestInit::new()).await.ok()
}

/// Sends JSON by POST; `None` if it gets no answer.
pub(super) async fn post(path: &str, json: &str) -> Option<Answer> {
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_body(&JsValue::from_str(json));
    send(path, &request).await.ok()
}

async fn send(path: &str, request: &RequestInit) -> Result<Answer, JsValue> {
    let response = JsFuture::from(window().fetch_with_str_and_init(path, request)).await?;
    let response: Response = response.unchecked_into();
    let text = JsFuture::from(response.text()?).await?;
    Ok(Answer {
        status: response.status(),
        text: text.as_string().unwrap_or_default(),
    })
}
