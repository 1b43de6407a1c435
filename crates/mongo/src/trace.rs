//! Spans of database operations.

use mongodb::Namespace;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::StoreError;

/// Adds a span to the operation if it is part of a recorded trace. Background work, such as a sweep, is not.
pub(super) async fn traced<T>(
    name: &'static str,
    namespace: impl FnOnce() -> Option<Namespace>,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    if !telemetry::is_recorded() {
        return operation.await;
    }
    let span = span_of(name, namespace().as_ref());
    let answer = operation.instrument(span.clone()).await;
    if let Err(error) = &answer {
        // Other failures, such as a duplicate key, are normal results.
        if error.is_unavailable() {
            span.record("otel.status_code", "ERROR");
        }
        span.record("error.type", error.kind());
    }
    answer
}

fn span_of(name: &'static str, namespace: Option<&Namespace>) -> Span {
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
    if let Some(Namespace { db, coll, .. }) = namespace {
        span.record("otel.name", format_args!("{name} {coll}"));
        span.record("db.namespace", db);
        span.record("db.collection.name", coll);
    }
    span
}
