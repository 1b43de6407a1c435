//! The declarations of the database metrics: operations, the connection pool, and replicas.

use telemetry::declare_metrics;
use telemetry::metrics::{DURATION_BOUNDS, Label};

const SYSTEM: &[(&str, &str)] = &[("db_system_name", "mongodb")];

const REPLICA: Label = Label::bounded(
    "collection",
    "the collections that replicate other services' data",
);

declare_metrics! {
    pub(crate) section "Database", "auth, tickets, orders and payments";

    DB_OPERATION_DURATION: HistogramOf<3> = seconds(
        "db_client_operation_duration_seconds",
        "Duration of operations, including server selection and the wait for a connection. Operations with `given_up` continue in the background.",
        &[
            Label::one_of("db_operation_name", &[
                "aggregate", "bulkWrite", "createIndexes", "delete", "find", "findAndModify", "insert", "ping", "update",
            ]),
            Label::bounded("db_collection_name", "the service's collections; empty for an operation without one"),
            Label::one_of("error_type", &["", "duplicate_key", "unavailable", "given_up", "conflict", "other"]),
        ],
        DURATION_BOUNDS,
    ).fixed(SYSTEM);
    DB_CONNECTIONS: GaugeOf<1> = new(
        "db_client_connection_count",
        "Connections in the pool.",
        &[Label::one_of("db_client_connection_state", &["idle", "used"])],
    ).fixed(SYSTEM);
    DB_CONNECTIONS_MAX: GaugeOf<0> = new(
        "db_client_connection_max",
        "The pool's connection limit.",
        &[],
    ).fixed(SYSTEM);
    DB_PENDING_REQUESTS: GaugeOf<0> = new(
        "db_client_connection_pending_requests",
        "Operations waiting for a connection.",
        &[],
    ).fixed(SYSTEM);
    DB_CONNECTIONS_CREATED: CounterOf<0> = new(
        "ticketing_db_connections_created_total",
        "Opened connections.",
        &[],
    );
    DB_CONNECTIONS_CLOSED: CounterOf<1> = new(
        "ticketing_db_connections_closed_total",
        "Closed connections.",
        &[Label::one_of("reason", &["stale", "idle", "error", "dropped", "pool_closed", "other"])],
    );
    DB_CONNECTION_WAIT: HistogramOf<0> = seconds(
        "db_client_connection_wait_time_seconds",
        "How long operations waited for a connection.",
        &[],
        DURATION_BOUNDS,
    ).fixed(SYSTEM);
    DB_CONNECTION_FAILURES: CounterOf<0> = new(
        "ticketing_db_connection_checkout_failures_total",
        "Operations that got no connection.",
        &[],
    );
    DB_POOL_CLEARED: CounterOf<0> = new(
        "ticketing_db_pool_cleared_total",
        "Times that the pool was cleared after a server failure.",
        &[],
    );
    DB_TRANSACTION_RETRIES: CounterOf<0> = new(
        "ticketing_db_transaction_retries_total",
        "Transactions that were retried after a write conflict.",
        &[],
    );
    VERSION_GAPS: CounterOf<1> = new(
        "ticketing_replica_version_gaps_total",
        "Events more than one version newer than the replica. Orders cause a gap whenever they are confirmed, because that version is not published.",
        &[REPLICA],
    );
    STALE_EVENTS: CounterOf<1> = new(
        "ticketing_replica_stale_events_total",
        "Events that changed nothing because the replica was as new or newer: duplicates, late events and re-emissions.",
        &[REPLICA],
    );
}
