//! `/tickets/new`

use axum::Form;
use axum::http::StatusCode;
use axum::response::Response;
use common::FieldError;
use common::api::tickets::{TicketBody, TicketView};
use common::price::PriceInput;
use serde::Deserialize;

use super::price_input;
use crate::api::{Answer, Failure, FormToken};
use crate::page::{Page, Visit, Visitor, redirect};
use crate::view::{self, Section, TicketForm};

/// The input of the ticket form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TicketInput {
    title: String,
    price: String,
    version: Option<u64>,
    once: FormToken,
}

impl TicketInput {
    /// The body for the API. An unclear price is omitted, so that the API reports it together with all other faults.
    pub(super) fn body(&self) -> TicketBody {
        TicketBody {
            title: Some(self.title.clone()),
            price: price_input::read(&self.price).ok().map(PriceInput::Text),
            version: self.version.into(),
        }
    }

    /// The form with its errors.
    pub(super) fn with_errors(self, mut errors: Vec<FieldError>) -> TicketForm {
        if let Err(unclear) = price_input::read(&self.price) {
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

pub(super) async fn form(visit: Visit) -> Response {
    match visit.visitor().await {
        Visitor::Anonymous => visit.redirect_to_sign_in(),
        visitor => show(&visit, &visitor, TicketForm::default(), StatusCode::OK),
    }
}

/// Puts the ticket up for sale and shows it.
pub(super) async fn create(visit: Visit, Form(input): Form<TicketInput>) -> Response {
    let body = input.body();
    let (visitor, created) =
        tokio::join!(visit.visitor(), visit.api.create_ticket(&body, &input.once));
    match created {
        Ok(answer) => redirect_to_saved(answer),
        Err(Failure::Refused { errors, status }) if status == StatusCode::BAD_REQUEST => {
            show(&visit, &visitor, input.with_errors(errors), status)
        }
        Err(failure) => visit.failed(&visitor, &failure),
    }
}

/// Redirects to the saved ticket.
pub(super) fn redirect_to_saved(answer: Answer<TicketView>) -> Response {
    redirect(
        &format!("/tickets/{}?saved", answer.body.id),
        answer.cookies,
    )
}

fn show(visit: &Visit, visitor: &Visitor, form: TicketForm, status: StatusCode) -> Response {
    let page = Page::form("Sell a ticket", status).section(Section::Sell);
    visit.page(visitor, page, || view::new_ticket(form))
}
