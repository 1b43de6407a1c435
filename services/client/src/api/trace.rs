//! Trace spans for API calls. The called service continues the trace.

use reqwest::{Client, Request};
use telemetry::{TraceContext, is_recorded};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::Failure;
use super::exchange::{Exchange, exchange};

/// Sends the request in a span, with the trace context in its headers.
pub(super) async fn traced(
    service: &str,
    client: &Client,
    mut request: Request,
) -> Result<Exchange, Failure> {
    let span = span_of(service, &request);
    let call = async move {
        if let Some(context) = TraceContext::current() {
            context.put_into(request.headers_mut());
        }
        exchange(client, request).await
    };
    let answer = call.instrument(span.clone()).await;
    if let Ok(answer) = &answer {
        span.record("http.response.status_code", answer.status.as_u16());
        if answer.status.is_client_error() || answer.status.is_server_error() {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", answer.status.as_str());
        }
    } else {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", "unavailable");
    }
    answer
}

fn span_of(service: &str, request: &Request) -> Span {
    if !is_recorded() {
        return Span::none();
    }
    let (method, url) = (request.method().as_str(), request.url());
    tracing::debug_span!(
        "call",
        otel.kind = "client",
        otel.name = format_args!("{method} {service}"),
        otel.status_code = Empty,
        "error.type" = Empty,
        http.request.method = method,
        http.response.status_code = Empty,
        server.address = url.host_str(),
        server.port = url.port_or_known_default(),
        url.full = format_args!("{}{}", url.origin().ascii_serialization(), url.path()),
        peer.service = service,
    )
}
