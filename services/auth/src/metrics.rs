//! The declarations of the auth service's metrics.

use telemetry::declare_metrics;
use telemetry::metrics::{DURATION_BOUNDS, Label};

declare_metrics! {
    pub(crate) section "Accounts", "auth";

    SIGN_INS: CounterOf<1> = new(
        "ticketing_sign_ins_total",
        "Sign-in attempts with a password that were checked.",
        &[Label::one_of("outcome", &["signed_in", "wrong_credentials"])],
    );
    ACCOUNTS_CREATED: CounterOf<0> = new(
        "ticketing_accounts_created_total",
        "Accounts that were created.",
        &[],
    );
    RATE_LIMITED_REQUESTS: CounterOf<1> = new(
        "ticketing_rate_limited_requests_total",
        "Requests refused by a rate limit.",
        &[Label::one_of("limit", &[
            "sign_in_failures_per_account",
            "sign_in_failures_per_address",
            "sign_ups_per_address",
            "magic_links_per_address",
            "magic_links_per_recipient",
        ])],
    );
    PASSWORD_QUEUE: GaugeOf<0> = new(
        "ticketing_password_queue_length",
        "Passwords waiting to be hashed.",
        &[],
    );
    PASSWORD_WAIT: HistogramOf<0> = seconds(
        "ticketing_password_wait_seconds",
        "How long passwords waited to be hashed.",
        &[],
        DURATION_BOUNDS,
    );
    PASSWORD_HASH_DURATION: HistogramOf<0> = seconds(
        "ticketing_password_hash_duration_seconds",
        "How long hashing a password took.",
        &[],
        DURATION_BOUNDS,
    );
    PASSWORDS_REFUSED: CounterOf<0> = new(
        "ticketing_passwords_refused_total",
        "Passwords that were refused because too many were waiting.",
        &[],
    );
    MAILS_QUEUED: CounterOf<0> = new(
        "ticketing_letters_queued_total",
        "Mails added to the queue.",
        &[],
    );
    MAILS_WAITING: GaugeOf<0> = new(
        "ticketing_letters_waiting",
        "Mails waiting in the queue.",
        &[],
    );
    MAILS_DONE: CounterOf<1> = new(
        "ticketing_letters_total",
        "Mails that left the queue: sent, permanently refused by the mail server, or given up.",
        &[Label::one_of("outcome", &["sent", "refused", "given_up"])],
    );
    MAILS_TURNED_AWAY: CounterOf<0> = new(
        "ticketing_letters_turned_away_total",
        "Requests for a mail that were refused because the queue was full.",
        &[],
    );
}
