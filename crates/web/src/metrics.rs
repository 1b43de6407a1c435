//! Requests, and what is refused before it becomes one.

use telemetry::declare_metrics;
use telemetry::metrics::{DURATION_BOUNDS, Label};

const METHOD: Label = Label::one_of(
    "http_request_method",
    &[
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "_OTHER",
    ],
);

const REFUSAL: Label = Label::one_of(
    "reason",
    &[
        "overloaded",
        "body_too_large",
        "body_too_slow",
        "body_unreadable",
        "took_too_long",
        "panicked",
    ],
);

const IDEMPOTENT: Label = Label::one_of(
    "outcome",
    &["executed", "repeated", "replayed", "conflict", "mismatch"],
);

declare_metrics! {
    pub section "HTTP", "every service";

    HTTP_REQUEST_DURATION: HistogramOf<3> = seconds(
        "http_server_request_duration_seconds",
        "How long a request took that was admitted, until the head of its answer; its number is that of the requests.",
        &[
            METHOD,
            Label::bounded(
                "http_route",
                "the service's table of routes, as `/api/tickets/{id}`; `unmatched` where no route fits",
            ),
            Label::bounded("http_response_status_code", "the statuses that the service answers with"),
        ],
        DURATION_BOUNDS,
    );
    HTTP_ACTIVE_REQUESTS: GaugeOf<1> = new(
        "http_server_active_requests",
        "Requests that are worked on.",
        &[METHOD],
    );
    HTTP_REFUSED_REQUESTS: CounterOf<1> = new(
        "ticketing_http_refused_requests_total",
        "Requests that got no answer from a handler: shed (`overloaded`), not received, or given up. Not in the histogram, but for those given up.",
        &[REFUSAL],
    );
    HTTP_ADMISSION_WAIT: HistogramOf<0> = seconds(
        "ticketing_http_admission_wait_seconds",
        "How long a request waited for a place that found none free.",
        &[],
        DURATION_BOUNDS,
    );
    HTTP_IDEMPOTENT_REQUESTS: CounterOf<1> = new(
        "ticketing_http_idempotent_requests_total",
        "Requests with an `Idempotency-Key`: executed, executed again since no result was stored (`repeated`), answered with the stored result (`replayed`), or refused since the key's request is in progress (`conflict`) or was another (`mismatch`).",
        &[IDEMPOTENT],
    );
    EVENT_STREAMS_OPEN: GaugeOf<0> = new(
        "ticketing_event_streams_open",
        "Streams of server-sent events that are open.",
        &[],
    );
    EVENT_STREAMS_REFUSED: CounterOf<0> = new(
        "ticketing_event_streams_refused_total",
        "Streams of server-sent events that were refused since too many were open.",
        &[],
    );
    HTTP_CLIENT_REQUEST_DURATION: HistogramOf<3> = seconds(
        "http_client_request_duration_seconds",
        "How long a call of the shop's to the API took, its answer's body included; client only.",
        &[
            METHOD,
            Label::one_of("server_address", &["auth", "tickets", "orders", "other"]),
            Label::bounded("http_response_status_code", "the statuses that the API answers with; empty without an answer"),
        ],
        DURATION_BOUNDS,
    );
}
