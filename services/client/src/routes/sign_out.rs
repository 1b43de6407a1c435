//! `/auth/signout`

use axum::response::{IntoResponse, Redirect, Response};

use crate::page::{Page, Visit, Visitor, redirect};
use crate::view;

/// Asks for confirmation, so that a mere link signs nobody out.
pub(super) async fn form(visit: Visit) -> Response {
    match visit.visitor().await {
        Visitor::Anonymous => Redirect::to("/").into_response(),
        Visitor::Unknown => visit.unavailable(&Visitor::Unknown),
        Visitor::SignedIn(session) => {
            let email = session.email.to_string();
            let page = Page::new("Sign out");
            let visitor = Visitor::SignedIn(session);
            visit.page(&visitor, page, || view::sign_out(email))
        }
    }
}

/// Signs out and redirects to the front page.
pub(super) async fn sign_out(visit: Visit) -> Response {
    match visit.api.sign_out().await {
        Ok(answer) => redirect("/", answer.cookies),
        Err(failure) => visit.failed(&Visitor::Unknown, &failure),
    }
}
