//! What the layout must know about a page and its visitor.

use axum::http::StatusCode;
use common::api::auth::SessionView;

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

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Visitor {
    /// Somebody who is not signed in.
    Anonymous,
    /// Somebody who is.
    SignedIn(SessionView),
    /// The service that could tell does not answer.
    Unknown,
}

impl Visitor {
    /// The session, if somebody is known to be signed in.
    pub(crate) fn session(&self) -> Option<&SessionView> {
        match self {
            Self::SignedIn(session) => Some(session),
            Self::Anonymous | Self::Unknown => None,
        }
    }
}

/// The parts of the shop that the header leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Tickets,
    Sell,
    Mine,
    Orders,
    Elsewhere,
}
