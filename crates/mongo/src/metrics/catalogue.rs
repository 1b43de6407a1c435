//! MongoDB: operations, and the pool of connections.

use telemetry::declare_metrics;
use telemetry::metrics::{DURATION_BOUNDS, Label};

const SYSTEM: &[(&str, &str)] = &[("db_system_name", "mongodb")];

const REPLICA: Label = Label::bounded(
    "collection",
    "the collections that replicate what others own",
);

declare_metrics! {
    pub(crate) section "Database", "auth, tickets, orders and payments";

    DB_OPERATION_DURATION: HistogramOf<3> = seconds(
        "db_client_operation_duration_seconds",
        "How long an operation took, the choice of a server and the wait for a connection included. `given_up` ones go on by themselves.",
        &[
            Label::one_of("db_operation_name", &[
                "aggregate", "bulkWrite", "createIndexes", "delete", "find", "findAndModify", "insert", "ping", "update",
            ]),
            Label::bounded("db_collection_name", "the service's collections; empty where an operation is of none"),
            Label::one_of("error_type", &["", "duplicate_key", "unavailable", "given_up", "conflict", "other"]),
        ],
        DURATION_BOUNDS,
    ).fixed(SYSTEM);
    DB_CONNECTIONS: GaugeOf<1> = new(
        "db_client_connection_count",
        "Connections of the pool.",
        &[Label::one_of("db_client_connection_state", &["idle", "used"])],
    ).fixed(SYSTEM);
    DB_CONNECTIONS_MAX: GaugeOf<0> = new(
        "db_client_connection_max",
        "How many connections the pool may have.",
        &[],
    ).fixed(SYSTEM);
    DB_PENDING_REQUESTS: GaugeOf<0> = new(
        "db_client_connection_pending_requests",
        "Operations that wait for a connection.",
        &[],
    ).fixed(SYSTEM);
    DB_CONNECTIONS_CREATED: CounterOf<0> = new(
        "ticketing_db_connections_created_total",
        "Connections that were opened.",
        &[],
    );
    DB_CONNECTIONS_CLOSED: CounterOf<1> = new(
        "ticketing_db_connections_closed_total",
        "Connections that were closed.",
        &[Label::one_of("reason", &["stale", "idle", "error", "dropped", "pool_closed", "other"])],
    );
    DB_CONNECTION_WAIT: HistogramOf<0> = seconds(
        "db_client_connection_wait_time_seconds",
        "How long an operation waited for a connection.",
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
        "Times that all connections were given up after a failure of the server.",
        &[],
    );
    DB_TRANSACTION_RETRIES: CounterOf<0> = new(
        "ticketing_db_transaction_retries_total",
        "Transactions that lost against others and were tried again.",
        &[],
    );
    VERSION_GAPS: CounterOf<1> = new(
        "ticketing_replica_version_gaps_total",
        "Events that healed a gap: newer by more than one version than what the replica had. Orders skip the version by which they are confirmed, of which nobody is told.",
        &[REPLICA],
    );
    STALE_EVENTS: CounterOf<1> = new(
        "ticketing_replica_stale_events_total",
        "Events that changed nothing since the replica was as new or newer: duplicates, late ones and re-emissions.",
        &[REPLICA],
    );
}
