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
use crate::api::{Failure, Once};
use crate::page::{Page, Visit, Visitor, go};
use crate::view::{self, Account};

/// Where to go after it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Leading {
    pub(super) next: String,
}

/// What was typed in. It does not print.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) email: String,
    pub(super) password: String,
    pub(super) next: String,
    once: Once,
}

impl Credentials {
    pub(super) fn body(&self) -> CredentialsBody {
        CredentialsBody {
            email: Some(self.email.clone()),
            password: Some(self.password.clone()),
        }
    }

    /// The form again, with what is wrong; without the password.
    pub(super) fn again(self, errors: Vec<FieldError>) -> Account {
        Account {
            faults: email_advice::explain(errors, &self.email).into(),
            email: self.email,
            next: self.next,
        }
    }
}

/// The form.
pub(super) async fn form(visit: Visit, Query(leading): Query<Leading>) -> Response {
    let visitor = visit.visitor().await;
    let account = Account {
        next: leading.next,
        ..Account::default()
    };
    show(&visit, &visitor, account, StatusCode::OK)
}

/// Makes the account, signs in and goes on.
pub(super) async fn sign_up(visit: Visit, Form(typed): Form<Credentials>) -> Response {
    match visit.api.sign_up(&typed.body(), &typed.once).await {
        Ok(answer) => go(destination(&typed.next), answer.cookies),
        Err(Failure::Refused { errors, status }) => {
            let account = typed.again(errors);
            show(&visit, &visit.visitor().await, account, status)
        }
        Err(failure) => visit.failed(&visit.visitor().await, &failure),
    }
}

fn show(visit: &Visit, visitor: &Visitor, account: Account, status: StatusCode) -> Response {
    let page = Page::form("Sign up", status).leading_to(account.next.clone());
    visit.page(visitor, page, || view::sign_up(account))
}
