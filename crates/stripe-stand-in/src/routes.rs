//! The URL table.

mod card_form;
mod charges;
mod disputes;
mod events;
mod payment_intents;
mod refunds;
mod stand_in;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use axum::routing::{MethodRouter, get, on, post, put};

use crate::pipeline::{Caller, Endpoint, serve};
use crate::refusal::Refusal;
use crate::state::Shared;

/// Stripe's API, the script of the card form, and the stand-in's own endpoints.
pub(crate) fn table(shared: Arc<Shared>) -> Router {
    use Caller::{Anyone, Merchant};
    const GET: MethodFilter = MethodFilter::GET;
    const POST: MethodFilter = MethodFilter::POST;
    Router::new()
        .route(
            "/v1/payment_intents",
            api(POST, Merchant, payment_intents::create).merge(api(
                GET,
                Merchant,
                payment_intents::list,
            )),
        )
        .route(
            "/v1/payment_intents/{id}",
            api(GET, Merchant, payment_intents::show),
        )
        .route(
            "/v1/payment_intents/{id}/confirm",
            api(POST, Merchant, payment_intents::confirm),
        )
        .route(
            "/v1/payment_intents/{id}/cancel",
            api(POST, Merchant, payment_intents::cancel),
        )
        .route("/v1/charges/{id}", api(GET, Merchant, charges::show))
        .route(
            "/v1/refunds",
            api(POST, Merchant, refunds::create).merge(api(GET, Merchant, refunds::list)),
        )
        .route("/v1/refunds/{id}", api(GET, Merchant, refunds::show))
        .route("/v1/disputes", api(GET, Merchant, disputes::list))
        .route("/v1/disputes/{id}", api(GET, Merchant, disputes::show))
        .route(
            "/v1/tokens",
            api(POST, Anyone, tokens::create).options(preflight),
        )
        .route("/v1/tokens/{id}", api(GET, Merchant, tokens::show))
        .route("/v1/events", api(GET, Merchant, events::list))
        .route("/v1/events/{id}", api(GET, Merchant, events::show))
        .route("/v3", get(card_form::script))
        .route("/v3/", get(card_form::script))
        .route("/v3/card-form", get(card_form::page))
        .route("/v3/card-form.js", get(card_form::page_script))
        .route("/v3/card-form.css", get(card_form::page_style))
        .route("/_stand-in/healthz", get(stand_in::healthz))
        .route("/_stand-in/ledger", get(stand_in::ledger))
        .route(
            "/_stand-in/faults",
            post(stand_in::inject)
                .get(stand_in::waiting)
                .delete(stand_in::clear),
        )
        .route("/_stand-in/refunds", post(stand_in::refund))
        .route("/_stand-in/disputes", post(stand_in::open_dispute))
        .route(
            "/_stand-in/disputes/{id}/close",
            post(stand_in::close_dispute),
        )
        .route(
            "/_stand-in/webhook",
            put(stand_in::set_webhook).delete(stand_in::unset_webhook),
        )
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(map_response(allow_all_origins))
        .with_state(shared)
}

fn api(method: MethodFilter, caller: Caller, endpoint: Endpoint) -> MethodRouter<Arc<Shared>> {
    on(
        method,
        move |State(shared): State<Arc<Shared>>, path: RawPathParams, request: Request| {
            serve(shared, caller, endpoint, path, request)
        },
    )
}

/// The CORS preflight of a page of another origin that creates a token.
async fn preflight() -> impl IntoResponse {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, idempotency-key, stripe-version",
        ),
    ];
    (StatusCode::NO_CONTENT, allowed)
}

async fn unknown(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let message = format!("Unrecognized request URL ({method}: {path}).");
    let body = Refusal::invalid(message).body();
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

async fn allow_all_origins(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}
