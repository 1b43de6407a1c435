//! Operations of the database as spans, where they are part of a trace that is recorded.

use mongodb::Namespace;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::StoreError;
use telemetry;

/// Waits for the operation within a span of its own. What goes on by itself, such as a sweep, is no part of a trace and
/// gets none.
pub(super) async fn traced<T>(
    name: &'static str,
    on: impl FnOnce() -> Option<Namespace>,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    if !telemetry::is_recorded() {
        return operation.await;
    }
    let span = span_of(name, on().as_ref());
    let answer = operation.instrument(span.clone()).await;
    if let Err(error) = &answer {
        // That a value is taken, or a transaction lost, is an answer like any other.
        if error.is_unavailable() {
            span.record("otel.status_code", "ERROR");
        }
        span.record("error.type", error.kind());
    }
    answer
}

fn span_of(name: &'static str, on: Option<&Namespace>) -> Span {
    let span = tracing::debug_span!(
        "mongodb",
        otel.kind = "client",
        otel.name = name,
        otel.status_code = Empty,
        "error.type" = Empty,
        db.system.name = "mongodb",
        db.operation.name = name,
        db.namespace = Empty,
        db.collection.name = Empty,
    );
    if let Some(Namespace { db, coll, .. }) = on {
        span.record("otel.name", format_args!("{name} {coll}"));
        span.record("db.namespace", db);
        span.record("db.collection.name", coll);
    }
    span
}
