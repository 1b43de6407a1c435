//! `/auth/signin`

use axum::Form;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::next::destination;
use super::sign_up::Credentials;
use crate::api::Failure;
use crate::page::{Page, Visit, Visitor, redirect};
use crate::view::{self, Account, SignInNotice};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInQuery {
    next: String,
    /// `invalid` after an invalid magic link.
    link: String,
}

pub(super) async fn form(visit: Visit, Query(query): Query<SignInQuery>) -> Response {
    let visitor = visit.visitor().await;
    let notice = match query.link.as_str() {
        "invalid" => SignInNotice::InvalidLink,
        _ if query.next.is_empty() => SignInNotice::None,
        _ => SignInNotice::Required,
    };
    let account = Account {
        next: query.next,
        ..Account::default()
    };
    show(&visit, &visitor, account, notice, StatusCode::OK)
}

/// Signs in and redirects to the next page.
pub(super) async fn sign_in(visit: Visit, Form(input): Form<Credentials>) -> Response {
    match visit.api.sign_in(&input.body()).await {
        Ok(answer) => redirect(destination(&input.next), answer.cookies),
        Err(Failure::Refused { errors, status }) => {
            let account = input.with_errors(errors);
            let visitor = visit.visitor().await;
            show(&visit, &visitor, account, SignInNotice::None, status)
        }
        Err(failure) => visit.failed(&visit.visitor().await, &failure),
    }
}

/// The sign-in page. It is also the response to a request for a magic link.
pub(super) fn show(
    visit: &Visit,
    visitor: &Visitor,
    account: Account,
    notice: SignInNotice,
    status: StatusCode,
) -> Response {
    let page = Page::form("Sign in", status).with_next(account.next.clone());
    visit.page(visitor, page, || view::sign_in(account, notice))
}
