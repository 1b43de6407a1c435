//! The route table of the shop.

mod buy_ticket;
mod cancel_order;
mod csp_reports;
mod docs;
mod email_advice;
mod error_pages;
mod home;
mod magic_link;
mod my_tickets;
mod new_ticket;
mod next;
mod order;
mod orders;
mod price_input;
mod sign_in;
mod sign_out;
mod sign_up;
mod static_files;
mod ticket;
mod withdraw_ticket;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{any, get, post};
use telemetry::metrics::Metrics;
use web::{Admission, ApiError, site_stack};

use crate::page::Visit;
use crate::security::REPORTS;
use crate::state::AppState;

/// All routes, with the layers around them.
pub(crate) fn site(state: AppState, metrics: &Metrics) -> Admission {
    let files = state.shop.site.routes();
    let origin = state.shop.origin.clone();
    let routes = table()
        .merge(docs::table())
        .merge(files)
        .route("/api", any(async || ApiError::NotFound))
        .route("/api/{*path}", any(async || ApiError::NotFound))
        .fallback(async |visit: Visit| {
            let visitor = visit.visitor().await;
            visit.not_found(&visitor)
        });
    let routes = routes.with_state(state.clone());
    site_stack(routes, &origin, metrics, move |request, next| {
        error_pages::replace(state.clone(), request, next)
    })
}

fn table() -> Router<AppState> {
    Router::new()
        .route("/", get(home::home))
        .route("/auth/signup", get(sign_up::form).post(sign_up::sign_up))
        .route("/auth/signin", get(sign_in::form).post(sign_in::sign_in))
        .route(
            "/auth/magic-link",
            get(magic_link::form).post(magic_link::request),
        )
        .route(
            "/auth/signout",
            get(sign_out::form).post(sign_out::sign_out),
        )
        .route(
            "/tickets/new",
            get(new_ticket::form).post(new_ticket::create),
        )
        .route("/tickets/mine", get(my_tickets::list))
        .route("/tickets/{id}", get(ticket::show).post(ticket::update))
        .route(
            "/tickets/{id}/buy",
            get(buy_ticket::back).post(buy_ticket::buy),
        )
        .route(
            "/tickets/{id}/withdraw",
            get(withdraw_ticket::form).post(withdraw_ticket::withdraw),
        )
        .route("/orders", get(orders::list))
        .route("/orders/{id}", get(order::show))
        .route(
            "/orders/{id}/cancel",
            get(cancel_order::back).post(cancel_order::cancel),
        )
        .route("/robots.txt", get(static_files::robots))
        .route("/favicon.ico", get(static_files::favicon))
        .route(REPORTS, post(csp_reports::take))
}
