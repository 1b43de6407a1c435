//! `/auth/signin`

use axum::Form;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::next::destination;
use super::sign_up::Credentials;
use crate::api::Failure;
use crate::page::{Page, Visit, Visitor, go};
use crate::view::{self, Account, SignInNotice};

/// How somebody came here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Arrival {
    next: String,
    /// `invalid` after a magic link that did not work.
    link: String,
}

/// The form.
pub(super) async fn form(visit: Visit, Query(arrival): Query<Arrival>) -> Response {
    let visitor = visit.visitor().await;
    let notice = match arrival.link.as_str() {
        "invalid" => SignInNotice::InvalidLink,
        _ if arrival.next.is_empty() => SignInNotice::None,
        _ => SignInNotice::First,
    };
    let account = Account {
        next: arrival.next,
        ..Account::default()
    };
    show(&visit, &visitor, account, notice, StatusCode::OK)
}

/// Signs in and goes on.
pub(super) async fn sign_in(visit: Visit, Form(typed): Form<Credentials>) -> Response {
    match visit.api.sign_in(&typed.body()).await {
        Ok(answer) => go(destination(&typed.next), answer.cookies),
        Err(Failure::Refused { errors, status }) => {
            let account = typed.again(errors);
            let visitor = visit.visitor().await;
            show(&visit, &visitor, account, SignInNotice::None, status)
        }
        Err(failure) => visit.failed(&visit.visitor().await, &failure),
    }
}

/// The page, also after a magic link was asked for.
pub(super) fn show(
    visit: &Visit,
    visitor: &Visitor,
    account: Account,
    notice: SignInNotice,
    status: StatusCode,
) -> Response {
    let page = Page::form("Sign in", status).leading_to(account.next.clone());
    visit.page(visitor, page, || view::sign_in(account, notice))
}
