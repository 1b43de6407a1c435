//! `POST /csp-reports`: what browsers were told not to do and a page tried all the same.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::AppState;

/// The most of a report that is logged, in bytes; anybody can send one.
const LONGEST: usize = 1_000;

/// Logs a report: at most one a second, with the number of those since the last one.
pub(super) async fn take(State(state): State<AppState>, body: Bytes) -> StatusCode {
    state.shop.csp_reports.record(|reports| {
        let report = String::from_utf8_lossy(&body[..body.len().min(LONGEST)]);
        let report: String = report.escape_debug().take(LONGEST).collect();
        tracing::warn!(reports, report, "a page broke the content security policy");
    });
    StatusCode::NO_CONTENT
}
