//! The script of the card form and the page that it shows in a frame. Only that page sees a card's number.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The script that a shop includes. It defines `window.Stripe`.
pub(super) async fn script() -> impl IntoResponse {
    asset(JAVASCRIPT, include_str!("../../assets/stripe.js"))
}

/// The page in the frame.
pub(super) async fn page() -> impl IntoResponse {
    // Only this origin, so that a card cannot be sent anywhere else.
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";
    let page = asset(
        "text/html; charset=utf-8",
        include_str!("../../assets/card-form.html"),
    );
    ([(CONTENT_SECURITY_POLICY, policy)], page)
}

pub(super) async fn page_script() -> impl IntoResponse {
    asset(JAVASCRIPT, include_str!("../../assets/card-form.js"))
}

pub(super) async fn page_style() -> impl IntoResponse {
    asset(
        "text/css; charset=utf-8",
        include_str!("../../assets/card-form.css"),
    )
}

fn asset(content_type: &'static str, content: &'static str) -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")];
    (headers, content)
}
