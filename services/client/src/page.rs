//! A page as it is sent: the document around a view, and the headers that go with it.

mod security;
mod visit;

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hydration_context::SsrSharedContext;
use leptos::prelude::*;

use crate::app::Shop;
use crate::view::{self, Section};

use security::Nonce;
pub(crate) use security::{ContentSecurity, REPORTS};
pub(crate) use visit::{Visit, Visitor, go, sign_in_url};

/// What a page is like, apart from its view.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) status: StatusCode,
    /// The path under which search engines may know it; none if they may not.
    pub(crate) canonical: Option<String>,
    /// Whether parts of it are alive, so that it needs the WASM.
    pub(crate) alive: bool,
    /// Whether it may hold the card form.
    pub(crate) card_form: bool,
    /// Which part of the shop it belongs to.
    pub(crate) section: Section,
    /// Where somebody goes who signs in from here; this page, if it can be come back to and says nothing else.
    pub(crate) next: String,
}

impl Page {
    /// A page for one shopper's eyes, without script.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: None,
            status: StatusCode::OK,
            canonical: None,
            alive: false,
            card_form: false,
            section: Section::Elsewhere,
            next: String::new(),
        }
    }

    /// A page that is a form, or the form that came back with this status, which its title says first.
    pub(crate) fn form(title: &str, status: StatusCode) -> Self {
        if status.is_success() {
            Self::new(title)
        } else {
            Self::new(format!("Error: {title}")).status(status)
        }
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn described(self, description: impl Into<String>) -> Self {
        let description = Some(description.into());
        Self {
            description,
            ..self
        }
    }

    pub(crate) fn public_at(self, path: impl Into<String>) -> Self {
        let canonical = Some(path.into());
        Self { canonical, ..self }
    }

    pub(crate) fn of(self, section: Section) -> Self {
        Self { section, ..self }
    }

    pub(crate) fn leading_to(self, next: impl Into<String>) -> Self {
        let next = next.into();
        Self { next, ..self }
    }

    pub(crate) fn alive(self) -> Self {
        Self {
            alive: true,
            ..self
        }
    }

    pub(crate) fn with_card_form(self) -> Self {
        Self {
            card_form: true,
            ..self
        }
    }
}

/// The whole answer. `view` is called where Leptos wants views to be made.
fn respond<V: IntoView>(
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
    // With no referrer at all, browsers would not say where a form was sent from.
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

/// The HTML of a view, in which islands are marked to be found by the browser.
fn render<V: IntoView>(view: impl FnOnce() -> V) -> String {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let html = owner.with(|| view().into_view().to_html());
    owner.cleanup();
    html
}
