//! `/auth/magic-link`: sign-in by a mailed link.

use axum::Form;
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use common::api::auth::MagicLinkBody;

use super::sign_up::Credentials;
use super::{email_advice, sign_in};
use crate::api::Failure;
use crate::page::Visit;
use crate::view::{Account, SignInNotice};

/// A reload after the link was requested.
pub(super) async fn form() -> Redirect {
    Redirect::to("/auth/signin")
}

/// Requests the link and confirms that.
pub(super) async fn request(visit: Visit, Form(input): Form<Credentials>) -> Response {
    let body = MagicLinkBody {
        email: Some(input.email.clone()),
    };
    let mut account = Account {
        email: input.email.clone(),
        next: input.next,
        ..Account::default()
    };
    let (visitor, requested) = tokio::join!(visit.visitor(), visit.api.request_magic_link(&body));
    let (notice, status) = match requested {
        Ok(()) => (SignInNotice::LinkSent(input.email), StatusCode::OK),
        Err(Failure::Refused { errors, status }) => {
            account.faults = email_advice::explain(errors, &input.email).into();
            (SignInNotice::None, status)
        }
        Err(failure) => return visit.failed(&visitor, &failure),
    };
    sign_in::show(&visit, &visitor, account, notice, status)
}
