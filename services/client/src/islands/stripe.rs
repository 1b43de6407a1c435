//! Bindings to Stripe's script: the card form and the token of the card.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Stripe for a publishable key.
    pub(super) type Stripe;

    /// Fails if the script is not loaded.
    #[wasm_bindgen(catch, js_name = Stripe)]
    fn stripe(key: &str) -> Result<Stripe, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn elements(this: &Stripe) -> Result<Elements, JsValue>;

    #[wasm_bindgen(method, catch, js_name = createToken)]
    async fn create_token(this: &Stripe, card: &CardElement) -> Result<JsValue, JsValue>;

    type Elements;

    #[wasm_bindgen(method, catch)]
    fn create(this: &Elements, kind: &str, options: &JsValue) -> Result<CardElement, JsValue>;

    /// The form, in Stripe's own frame.
    pub(super) type CardElement;

    #[wasm_bindgen(method, catch)]
    fn mount(this: &CardElement, selector: &str) -> Result<(), JsValue>;
}

/// A card form on the page.
pub(super) struct CardForm {
    stripe: Stripe,
    card: CardElement,
}

impl CardForm {
    /// Shows the form in the element that matches `selector`; `None` if Stripe's script did not load.
    pub(super) fn mount(key: &str, selector: &str, dark: bool) -> Option<Self> {
        const LIGHT: &str = r##"{"style":{"base":{"fontSize":"16px","color":"#221d16"}}}"##;
        const DARK: &str =
            r##"{"style":{"base":{"fontSize":"16px","color":"#f3ece0","iconColor":"#f3ece0"}}}"##;
        let stripe = stripe(key).ok()?;
        let options = js_sys::JSON::parse(if dark { DARK } else { LIGHT }).ok()?;
        let card = stripe.elements().ok()?.create("card", &options).ok()?;
        card.mount(selector).ok()?;
        Some(Self { stripe, card })
    }

    /// The token of the card in the form. An error is a message for the shopper.
    pub(super) async fn token(&self) -> Result<String, String> {
        let answer = self.stripe.create_token(&self.card).await;
        let answer = answer.map_err(|_| NO_ANSWER.to_owned())?;
        let text = |object: &str, field: &str| {
            let object = js_sys::Reflect::get(&answer, &object.into()).ok()?;
            js_sys::Reflect::get(&object, &field.into())
                .ok()?
                .as_string()
        };
        match text("token", "id") {
            Some(token) => Ok(token),
            None => Err(text("error", "message").unwrap_or_else(|| NO_ANSWER.to_owned())),
        }
    }
}

const NO_ANSWER: &str = "The card form is not responding. Please try again in a moment.";
