//! `POST /csp-reports`: what browsers were told not to do and a page tried all the same.

use axum::body::Bytes;
use axum::http::StatusCode;

/// The most of a report that is logged, in bytes; anybody can send one.
const LONGEST: usize = 2_000;

/// Takes note of a report.
pub(super) async fn take(body: Bytes) -> StatusCode {
    let report = String::from_utf8_lossy(&body[..body.len().min(LONGEST)]);
    tracing::warn!(report = %report.escape_debug(), "a page broke the content security policy");
    StatusCode::NO_CONTENT
}
