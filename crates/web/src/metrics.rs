//! The metrics of the HTTP side. `http_client_…` is measured by the client service only.

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
        "Duration of admitted requests until the response's headers.",
        &[
            METHOD,
            Label::bounded(
                "http_route",
                "templates of the service's routes, such as `/api/tickets/{id}`, or `unmatched`",
            ),
            Label::bounded("http_response_status_code", "the statuses of the service's responses"),
        ],
        DURATION_BOUNDS,
    );
    HTTP_ACTIVE_REQUESTS: GaugeOf<1> = new(
        "http_server_active_requests",
        "Requests in progress.",
        &[METHOD],
    );
    HTTP_REFUSED_REQUESTS: CounterOf<1> = new(
        "ticketing_http_refused_requests_total",
        "Requests without a response from a handler: shed (`overloaded`), not fully received (`body_…`), or aborted (`took_too_long`, `panicked`). Only the aborted ones are in the histogram.",
        &[REFUSAL],
    );
    HTTP_ADMISSION_WAIT: HistogramOf<0> = seconds(
        "ticketing_http_admission_wait_seconds",
        "How long requests that could not start at once waited for admission.",
        &[],
        DURATION_BOUNDS,
    );
    HTTP_IDEMPOTENT_REQUESTS: CounterOf<1> = new(
        "ticketing_http_idempotent_requests_total",
        "Requests with an `Idempotency-Key`: executed, executed again because no result was stored (`repeated`), answered with the stored result (`replayed`), or refused because a request with the key is in progress (`conflict`) or the key belongs to a different request (`mismatch`).",
        &[IDEMPOTENT],
    );
    EVENT_STREAMS_OPEN: GaugeOf<0> = new(
        "ticketing_event_streams_open",
        "Open streams of server-sent events.",
        &[],
    );
    EVENT_STREAMS_REFUSED: CounterOf<0> = new(
        "ticketing_event_streams_refused_total",
        "Streams of server-sent events that were refused because too many were open.",
        &[],
    );
    HTTP_CLIENT_REQUEST_DURATION: HistogramOf<3> = seconds(
        "http_client_request_duration_seconds",
        "Duration of the shop's calls to the API, including the response's body; client only.",
        &[
            METHOD,
            Label::one_of("server_address", &["auth", "tickets", "orders", "other"]),
            Label::bounded("http_response_status_code", "the statuses of the API's responses; empty without a response"),
        ],
        DURATION_BOUNDS,
    );
}
