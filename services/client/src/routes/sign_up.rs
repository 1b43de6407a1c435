//! `/auth/signup`

use axum::Form;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use common::FieldError;
use common::api::auth::CredentialsBody;
use serde::Deserialize;

use super::email_advice;
use super::next::destination;
use crate::api::{Failure, FormToken};
use crate::page::{Page, Visit, Visitor, redirect};
use crate::view::{self, Account};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SignUpQuery {
    /// The page after the sign-up.
    next: String,
}

/// The input of the account forms. It has no `Debug`, so it cannot be logged.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) email: String,
    pub(super) password: String,
    pub(super) next: String,
    once: FormToken,
}

impl Credentials {
    pub(super) fn body(&self) -> CredentialsBody {
        CredentialsBody {
            email: Some(self.email.clone()),
            password: Some(self.password.clone()),
        }
    }

    /// The form with its errors, without the password.
    pub(super) fn with_errors(self, errors: Vec<FieldError>) -> Account {
        Account {
            faults: email_advice::explain(errors, &self.email).into(),
            email: self.email,
            next: self.next,
        }
    }
}

pub(super) async fn form(visit: Visit, Query(query): Query<SignUpQuery>) -> Response {
    let visitor = visit.visitor().await;
    let account = Account {
        next: query.next,
        ..Account::default()
    };
    show(&visit, &visitor, account, StatusCode::OK)
}

/// Creates the account, signs in and redirects to the next page.
pub(super) async fn sign_up(visit: Visit, Form(input): Form<Credentials>) -> Response {
    match visit.api.sign_up(&input.body(), &input.once).await {
        Ok(answer) => redirect(destination(&input.next), answer.cookies),
        Err(Failure::Refused { errors, status }) => {
            let account = input.with_errors(errors);
            show(&visit, &visit.visitor().await, account, status)
        }
        Err(failure) => visit.failed(&visit.visitor().await, &failure),
    }
}

fn show(visit: &Visit, visitor: &Visitor, account: Account, status: StatusCode) -> Response {
    let page = Page::form("Sign up", status).with_next(account.next.clone());
    visit.page(visitor, page, || view::sign_up(account))
}
