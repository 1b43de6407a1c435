//! Pages and visitors, as the layout needs them.

use axum::http::StatusCode;
use common::api::auth::SessionView;

/// The properties of a page, apart from its content.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) status: StatusCode,
    /// The path for search engines; `None` if they must not index the page.
    pub(crate) canonical: Option<String>,
    /// Whether it contains islands, and so needs the WASM.
    pub(crate) has_islands: bool,
    /// Whether it may contain the card form.
    pub(crate) card_form: bool,
    pub(crate) section: Section,
    /// Where the sign-in links of this page lead afterwards. By default it is this page, if it can be requested again.
    pub(crate) next: String,
}

impl Page {
    /// A private page without islands.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: None,
            status: StatusCode::OK,
            canonical: None,
            has_islands: false,
            card_form: false,
            section: Section::Elsewhere,
            next: String::new(),
        }
    }

    /// A page with a form. If the status is an error, the title says so first.
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

    pub(crate) fn description(self, description: impl Into<String>) -> Self {
        let description = Some(description.into());
        Self {
            description,
            ..self
        }
    }

    pub(crate) fn canonical(self, path: impl Into<String>) -> Self {
        let canonical = Some(path.into());
        Self { canonical, ..self }
    }

    pub(crate) fn section(self, section: Section) -> Self {
        Self { section, ..self }
    }

    pub(crate) fn with_next(self, next: impl Into<String>) -> Self {
        let next = next.into();
        Self { next, ..self }
    }

    pub(crate) fn with_islands(self) -> Self {
        Self {
            has_islands: true,
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

/// The user of a request.
#[derive(Debug, Clone)]
pub(crate) enum Visitor {
    Anonymous,
    SignedIn(SessionView),
    /// The auth service does not answer.
    Unknown,
}

impl Visitor {
    /// The session, if the visitor is signed in.
    pub(crate) fn session(&self) -> Option<&SessionView> {
        match self {
            Self::SignedIn(session) => Some(session),
            Self::Anonymous | Self::Unknown => None,
        }
    }
}

/// The sections of the shop, as the header links to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Tickets,
    Sell,
    Mine,
    Orders,
    Elsewhere,
}
