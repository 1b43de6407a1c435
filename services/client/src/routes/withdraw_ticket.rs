//! `/tickets/{id}/withdraw`

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use common::Id;
use common::id::kind;

use super::ticket::{TicketPage, viewer};
use crate::api::Failure;
use crate::page::{Page, Visit, redirect};
use crate::view::{self, Section, Viewer};

/// Asks the seller to confirm.
pub(super) async fn form(visit: Visit, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<Id<kind::Ticket>>() else {
        return visit.not_found(&visit.visitor().await);
    };
    let (visitor, found) = tokio::join!(visit.visitor(), visit.api.ticket(id));
    let ticket = match found {
        Ok(answer) => answer.body,
        Err(failure) => return visit.failed(&visitor, &failure),
    };
    match viewer(&visitor, &ticket) {
        Viewer::Anonymous => visit.redirect_to_sign_in(),
        Viewer::Shopper => visit.not_found(&visitor),
        Viewer::Seller => {
            let page = Page::new("Withdraw a ticket").section(Section::Mine);
            visit.page(&visitor, page, || view::withdraw(&ticket))
        }
    }
}

/// Withdraws the ticket and shows the seller's other tickets.
pub(super) async fn withdraw(visit: Visit, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<Id<kind::Ticket>>() else {
        return visit.not_found(&visit.visitor().await);
    };
    match visit.api.withdraw_ticket(id).await {
        Ok(answer) => redirect("/tickets/mine?withdrawn", answer.cookies),
        Err(Failure::Refused { errors, status }) if status == StatusCode::BAD_REQUEST => {
            let refusal = errors.into_iter().next().map(|error| error.message);
            TicketPage::refused(refusal).show(&visit, id).await
        }
        Err(failure) => visit.failed(&visit.visitor().await, &failure),
    }
}
