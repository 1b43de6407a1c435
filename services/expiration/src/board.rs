//! The job board, on the admin port: what waits, what is due, and what is late, for eyes and for programs.
//!
//! It only looks. Nothing can be added, removed or fired early from here: an order's time is the order's alone, and a
//! job that is lost is made again from the event stream.

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

use crate::queue::board::{Board, JobPlace, OrderTime, TimeState};
use crate::queue::{JobQueue, QueueError};

const STYLE: &str = include_str!("board/board.css");

/// Nothing is loaded but the style.
const SECURITY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
);

/// Where the board is.
pub(crate) const PATHS: &[&str] = &["/jobs", "/jobs.json", "/jobs.css"];

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// The page, from 1.
    page: Option<String>,
    /// One order alone.
    order: Option<String>,
}

/// The board's routes: `/jobs` for eyes, `/jobs.json` for programs, both with `?page=` or `?order=`.
pub(crate) fn routes(queue: JobQueue) -> Router {
    let style = ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE);
    Router::new()
        .route("/jobs", get(page))
        .route("/jobs.json", get(json))
        .route("/jobs.css", get(async move || style))
        .with_state(queue)
}

/// What is on the board.
enum Shown {
    Page(Board),
    One(Option<OrderTime>),
}

async fn look(queue: &JobQueue, asked: &Asked) -> Result<Shown, ApiError> {
    let unavailable = |error: QueueError| ApiError::Unavailable(error.into());
    if let Some(order) = asked
        .order
        .as_deref()
        .map(str::trim)
        .filter(|order| !order.is_empty())
    {
        // What is no id is on no board.
        let Ok(order) = order.parse::<Id<kind::Order>>() else {
            return Ok(Shown::One(None));
        };
        return Ok(Shown::One(
            queue.order_time(order).await.map_err(unavailable)?,
        ));
    }
    let number = asked.page.as_deref().and_then(|page| page.parse().ok());
    let board = queue.board(number.unwrap_or(1).max(1)).await;
    Ok(Shown::Page(board.map_err(unavailable)?))
}

async fn json(
    State(queue): State<JobQueue>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    match look(&queue, &asked).await? {
        Shown::Page(board) => Ok(Json(board).into_response()),
        Shown::One(Some(order)) => Ok(Json(order).into_response()),
        Shown::One(None) => Err(ApiError::NotFound),
    }
}

async fn page(
    State(queue): State<JobQueue>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let shown = look(&queue, &asked).await?;
    let content = match &shown {
        Shown::Page(board) => board_view(board),
        Shown::One(Some(order)) => orders_view(std::slice::from_ref(order)),
        Shown::One(None) => html! {
            p.nothing { "No such order waits for its end: it was told of, or it never had a time." }
        },
    };
    let order = asked.order.unwrap_or_default();
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
        p.at { "At " time { (board.at) } ". Orders whose end was not told of yet, the most urgent first." }
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

fn orders_view(orders: &[OrderTime]) -> Markup {
    if orders.is_empty() {
        return html! { p.nothing { "Nothing waits." } };
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
                            td { span.state.(time(order.state)) { (time(order.state)) } }
                            td { (place(order.job)) }
                            td { (order.worker.as_deref().unwrap_or("–")) }
                        }
                    }
                }
            }
        }
    }
}

const fn time(state: TimeState) -> &'static str {
    match state {
        TimeState::Waiting => "waiting",
        TimeState::Due => "due",
        TimeState::Overdue => "overdue",
    }
}

const fn place(job: JobPlace) -> &'static str {
    match job {
        JobPlace::Scheduled => "scheduled",
        JobPlace::Available => "available",
        JobPlace::Running => "running",
        JobPlace::Missing => "missing",
    }
}
