//! The job board on the admin port: waiting, due and overdue orders, as HTML and as JSON.
//!
//! It is read-only. Jobs cannot be added, removed or run early here: an order's expiry belongs to the order, and a lost
//! job is recreated from the event stream.

use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use common::Id;
use common::id::kind;
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use web::ApiError;

use crate::queue::board::{Board, JobState, PendingOrder, Urgency};
use crate::queue::{JobQueue, QueueError};

const STYLE: &str = include_str!("board/board.css");

/// The page loads only its stylesheet.
const SECURITY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
);

/// The board's paths.
pub(crate) const PATHS: &[&str] = &["/jobs", "/jobs.json", "/jobs.css"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BoardQuery {
    /// The page, from 1.
    page: Option<String>,
    /// Shows only this order.
    order: Option<String>,
}

/// The board's routes: `/jobs` is HTML, `/jobs.json` is JSON, and both take `?page=` or `?order=`.
pub(crate) fn routes(queue: JobQueue) -> Router {
    let style = ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE);
    Router::new()
        .route("/jobs", get(page))
        .route("/jobs.json", get(json))
        .route("/jobs.css", get(async move || style))
        .with_state(queue)
}

enum Content {
    Page(Board),
    One(Option<PendingOrder>),
}

async fn read(queue: &JobQueue, query: &BoardQuery) -> Result<Content, ApiError> {
    let unavailable = |error: QueueError| ApiError::Unavailable(error.into());
    if let Some(order) = query
        .order
        .as_deref()
        .map(str::trim)
        .filter(|order| !order.is_empty())
    {
        let Ok(order) = order.parse::<Id<kind::Order>>() else {
            return Ok(Content::One(None));
        };
        let pending = queue.pending_order(order).await;
        return Ok(Content::One(pending.map_err(unavailable)?));
    }
    let number = query.page.as_deref().and_then(|page| page.parse().ok());
    let board = queue.board(number.unwrap_or(1).max(1)).await;
    Ok(Content::Page(board.map_err(unavailable)?))
}

async fn json(
    State(queue): State<JobQueue>,
    Query(query): Query<BoardQuery>,
) -> Result<Response, ApiError> {
    match read(&queue, &query).await? {
        Content::Page(board) => Ok(Json(board).into_response()),
        Content::One(Some(order)) => Ok(Json(order).into_response()),
        Content::One(None) => Err(ApiError::NotFound),
    }
}

async fn page(
    State(queue): State<JobQueue>,
    Query(query): Query<BoardQuery>,
) -> Result<Response, ApiError> {
    let content = match read(&queue, &query).await? {
        Content::Page(board) => board_view(&board),
        Content::One(Some(order)) => orders_view(&[order]),
        Content::One(None) => html! {
            p.nothing { "This order is not pending: it has already expired or ended, or it does not exist." }
        },
    };
    let order = query.order.unwrap_or_default();
    let caching = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let html = [
        SECURITY,
        caching,
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
    ];
    Ok((html, document(&order, &content).into_string()).into_response())
}

fn document(order: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Expirations" }
                link rel="stylesheet" href="/jobs.css";
            }
            body {
                main {
                    header {
                        h1 { "Expirations" }
                        form method="get" action="/jobs" {
                            label for="order" { "Order" }
                            input id="order" name="order" value=(order) size="26" spellcheck="false" autocomplete="off";
                            button { "Look up" }
                            a href="/jobs" { "Everything" }
                            a href="/jobs.json" { "JSON" }
                        }
                    }
                    (content)
                }
            }
        }
    }
}

fn board_view(board: &Board) -> Markup {
    let counts = board.counts;
    let orders = [
        ("waiting", counts.waiting),
        ("due", counts.due),
        ("overdue", counts.overdue),
    ];
    let jobs = [
        ("scheduled", counts.scheduled),
        ("available", counts.available),
        ("held by workers", counts.held),
        ("done", counts.done),
        ("given up", counts.given_up),
    ];
    html! {
        p.at { "At " time { (board.at) } ". Pending orders, most urgent first." }
        dl.counts {
            @for (name, count) in orders {
                div.bad[name == "overdue" && count > 0] { dt { (name) } dd { (count) } }
            }
        }
        dl.counts.minor {
            @for (name, count) in jobs {
                div { dt { (name) } dd { (count) } }
            }
            @for worker in &board.workers {
                div { dt { (worker.name) } dd { (worker.held) } }
            }
        }
        (orders_view(&board.orders))
        nav aria-label="Pages" {
            @if board.page > 1 { a href={ "/jobs?page=" (board.page - 1) } rel="prev" { "Earlier" } }
            @if board.has_more { a href={ "/jobs?page=" (board.page + 1) } rel="next" { "Later" } }
        }
    }
}

fn orders_view(orders: &[PendingOrder]) -> Markup {
    if orders.is_empty() {
        return html! { p.nothing { "No pending orders." } };
    }
    html! {
        div.wide tabindex="0" role="region" aria-label="Orders" {
            table {
                thead { tr {
                    th scope="col" { "Order" }
                    th scope="col" { "Expires at" }
                    th scope="col" { "Time" }
                    th scope="col" { "Job" }
                    th scope="col" { "Worker" }
                } }
                tbody {
                    @for order in orders {
                        tr {
                            td { a href={ "/jobs?order=" (order.order_id) } { (order.order_id) } }
                            td { time { (order.expires_at) } }
                            td { span.state.(urgency(order.state)) { (urgency(order.state)) } }
                            td { (job_state(order.job)) }
                            td { (order.worker.as_deref().unwrap_or("–")) }
                        }
                    }
                }
            }
        }
    }
}

const fn urgency(state: Urgency) -> &'static str {
    match state {
        Urgency::Waiting => "waiting",
        Urgency::Due => "due",
        Urgency::Overdue => "overdue",
    }
}

const fn job_state(job: JobState) -> &'static str {
    match job {
        JobState::Scheduled => "scheduled",
        JobState::Available => "available",
        JobState::Running => "running",
        JobState::Missing => "missing",
    }
}
