//! `/auth/magic-link`: a link by mail instead of a password.

use axum::Form;
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use common::api::auth::MagicLinkBody;

use super::sign_up::Credentials;
use super::{email_advice, sign_in};
use crate::api::Failure;
use crate::page::Visit;
use crate::view::{Account, SignInNotice};

/// Somebody reloads the page that said that a link is on its way.
pub(super) async fn form() -> Redirect {
    Redirect::to("/auth/signin")
}

/// Has the link sent, and says so.
pub(super) async fn request(visit: Visit, Form(typed): Form<Credentials>) -> Response {
    let body = MagicLinkBody {
        email: Some(typed.email.clone()),
    };
    let mut account = Account {
        email: typed.email.clone(),
        next: typed.next,
        ..Account::default()
    };
    let (visitor, asked) = tokio::join!(visit.visitor(), visit.api.request_magic_link(&body));
    let (notice, status) = match asked {
        Ok(()) => (SignInNotice::LinkSent(typed.email), StatusCode::OK),
        Err(Failure::Refused { errors, status }) => {
            account.faults = email_advice::explain(errors, &typed.email).into();
            (SignInNotice::None, status)
        }
        Err(failure) => return visit.failed(&visitor, &failure),
    };
    sign_in::show(&visit, &visitor, account, notice, status)
}
