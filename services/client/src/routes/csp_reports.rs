//! `POST /csp-reports`: violations of the content security policy, reported by browsers.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;

use crate::state::AppState;

/// How much of a report is logged, in bytes. Anyone can send one.
const MAX_LOGGED: usize = 1_000;

/// Logs a report, at most one per second, with the number of reports since the last one.
pub(super) async fn take(State(state): State<AppState>, body: Bytes) -> StatusCode {
    state.shop.csp_reports.record(|reports| {
        let report = String::from_utf8_lossy(&body[..body.len().min(MAX_LOGGED)]);
        let report: String = report.escape_debug().take(MAX_LOGGED).collect();
        tracing::warn!(reports, report, "a page broke the content security policy");
    });
    StatusCode::NO_CONTENT
}
