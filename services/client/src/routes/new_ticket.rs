//! `/tickets/new`

use axum::Form;
use axum::http::StatusCode;
use axum::response::Response;
use common::FieldError;
use common::api::tickets::{TicketBody, TicketView};
use common::price::PriceInput;
use serde::Deserialize;

use super::typed_price;
use crate::api::{Answer, Failure, Once};
use crate::page::{Page, Visit, Visitor, go};
use crate::view::{self, Section, TicketForm};

/// What was typed in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    title: String,
    price: String,
    version: Option<u64>,
    once: Once,
}

impl Typed {
    /// As the API takes it. An unclear price is left out, so that the API refuses the rest as well if it is wrong.
    pub(super) fn body(&self) -> TicketBody {
        TicketBody {
            title: Some(self.title.clone()),
            price: typed_price::read(&self.price).ok().map(PriceInput::Text),
            version: self.version.into(),
        }
    }

    /// The form again, with what is wrong.
    pub(super) fn again(self, mut errors: Vec<FieldError>) -> TicketForm {
        if let Err(unclear) = typed_price::read(&self.price) {
            let of_price = |error: &&mut FieldError| error.field.as_deref() == Some("price");
            for error in errors.iter_mut().filter(of_price) {
                error.message = unclear.to_string();
            }
        }
        TicketForm {
            title: self.title,
            price: self.price,
            version: self.version,
            faults: errors.into(),
        }
    }
}

/// The form, for those who are signed in.
pub(super) async fn form(visit: Visit) -> Response {
    match visit.visitor().await {
        Visitor::Anonymous => visit.sign_in_first(),
        visitor => show(&visit, &visitor, TicketForm::default(), StatusCode::OK),
    }
}

/// Puts the ticket up for sale and shows it.
pub(super) async fn create(visit: Visit, Form(typed): Form<Typed>) -> Response {
    let body = typed.body();
    let (visitor, created) =
        tokio::join!(visit.visitor(), visit.api.create_ticket(&body, &typed.once));
    match created {
        Ok(answer) => saved(answer),
        Err(Failure::Refused { errors, status }) if status == StatusCode::BAD_REQUEST => {
            show(&visit, &visitor, typed.again(errors), status)
        }
        Err(failure) => visit.failed(&visitor, &failure),
    }
}

/// Shows what was saved.
pub(super) fn saved(answer: Answer<TicketView>) -> Response {
    go(
        &format!("/tickets/{}?saved", answer.body.id),
        answer.cookies,
    )
}

fn show(visit: &Visit, visitor: &Visitor, form: TicketForm, status: StatusCode) -> Response {
    let page = Page::form("Sell a ticket", status).of(Section::Sell);
    visit.page(visitor, page, || view::new_ticket(form))
}
