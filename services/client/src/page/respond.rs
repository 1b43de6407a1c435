//! The response for a page: its HTML document and its headers.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use hydration_context::SsrSharedContext;
use leptos::prelude::*;

use crate::security::Nonce;
use crate::state::Shop;
use crate::view::{self, Page, Visitor};

/// Builds the response. `view` is called within a Leptos owner, as views require.
pub(super) fn respond<V: IntoView>(
    shop: &Arc<Shop>,
    visitor: &Visitor,
    page: Page,
    view: impl FnOnce() -> V,
) -> Response {
    let nonce = Nonce::fresh();
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        shop.security.policy(&nonce, page.card_form),
    );
    let caching = match visitor {
        Visitor::Anonymous => "private, no-cache",
        Visitor::SignedIn(_) | Visitor::Unknown => "private, no-store",
    };
    let caching = HeaderValue::from_static(caching);
    headers.insert(header::CACHE_CONTROL, caching);
    headers.insert(header::VARY, HeaderValue::from_static("cookie"));
    // With `no-referrer`, browsers would send the origin of a form as `null`.
    let referrer = HeaderValue::from_static("same-origin");
    headers.insert(header::REFERRER_POLICY, referrer);
    let status = page.status;
    let document = render(|| {
        let content = view().into_any();
        view::layout(
            shop.clone(),
            visitor.clone(),
            nonce.to_string(),
            page,
            content,
        )
    });
    (status, headers, Html(document)).into_response()
}

/// Renders a view to HTML, with markers around its islands.
fn render<V: IntoView>(view: impl FnOnce() -> V) -> String {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let html = owner.with(|| view().into_view().to_html());
    owner.cleanup();
    html
}
