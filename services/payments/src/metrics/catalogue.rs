//! Money: attempts, declines, refunds, and Stripe.

use telemetry::declare_metrics;
use telemetry::metrics::{DURATION_BOUNDS, Label, Unit};

/// Stripe's documented decline codes (<https://docs.stripe.com/declines/codes>) and those of its error codes with which it
/// refuses a charge of ours (<https://docs.stripe.com/error-codes>).
const DECLINE_CODES: &[&str] = &[
    "approve_with_id",
    "authentication_required",
    "authentication_not_handled",
    "call_issuer",
    "card_not_supported",
    "card_velocity_exceeded",
    "currency_not_supported",
    "do_not_honor",
    "do_not_try_again",
    "duplicate_transaction",
    "expired_card",
    "fraudulent",
    "generic_decline",
    "incorrect_address",
    "incorrect_cvc",
    "incorrect_number",
    "incorrect_pin",
    "incorrect_zip",
    "insufficient_funds",
    "invalid_account",
    "invalid_amount",
    "invalid_cvc",
    "invalid_expiry_month",
    "invalid_expiry_year",
    "invalid_number",
    "invalid_pin",
    "issuer_not_available",
    "lost_card",
    "merchant_blacklist",
    "mobile_device_authentication_required",
    "new_account_information_available",
    "no_action_taken",
    "not_permitted",
    "offline_pin_required",
    "online_or_offline_pin_required",
    "pickup_card",
    "pin_try_exceeded",
    "processing_error",
    "reenter_transaction",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "security_violation",
    "service_not_allowed",
    "stolen_card",
    "stop_payment_order",
    "testmode_decline",
    "transaction_not_allowed",
    "try_again_later",
    "withdrawal_count_limit_exceeded",
    "amount_too_large",
    "amount_too_small",
    "card_declined",
    "resource_missing",
    "token_already_used",
    "token_in_use",
    "other",
];

declare_metrics! {
    pub(crate) section "Payments", "payments";

    PAYMENT_ATTEMPTS: CounterOf<1> = new(
        "ticketing_payment_attempts_total",
        "Attempts to charge a card that ended: charged, declined, or withdrawn since the order could no longer be paid or Stripe failed it.",
        &[Label::one_of("result", &["succeeded", "declined", "withdrawn"])],
    );
    PAYMENT_DECLINES: CounterOf<1> = new(
        "ticketing_payment_declines_total",
        "Declined attempts by Stripe's reason.",
        &[Label::one_of("code", DECLINE_CODES)],
    );
    PAYMENT_CHARGED: CounterOf<0> = new(
        "ticketing_payments_charged_cents_total",
        "Money that was charged.",
        &[],
    ).unit(Unit::Cents);
    REFUNDS: CounterOf<0> = new(
        "ticketing_refunds_total",
        "Payments that were given back in full: since their orders were cancelled, in Stripe's dashboard, or by a dispute that was lost.",
        &[],
    );
    PAYMENT_REFUNDED: CounterOf<0> = new(
        "ticketing_payments_refunded_cents_total",
        "Money that was given back.",
        &[],
    ).unit(Unit::Cents);
    DISPUTES: CounterOf<1> = new(
        "ticketing_disputes_total",
        "Disputes of buyers' banks: opened, won or lost. Evidence against an open one is given in Stripe's dashboard, in time.",
        &[Label::one_of("state", &["opened", "won", "lost"])],
    );
    PAYMENTS_POSTPONED: CounterOf<0> = new(
        "ticketing_payments_postponed_total",
        "Steps of a payment left to the sweep since Stripe gave no clear answer.",
        &[],
    );
    PAYMENTS_UNFINISHED: GaugeOf<0> = new(
        "ticketing_payments_unfinished",
        "Payments about which something is still to be done; counted up to 10,000, seen by each process.",
        &[],
    );
    PAYMENTS_STUCK: GaugeOf<0> = new(
        "ticketing_payments_stuck",
        "Unfinished payments that were tried a hundred times without a clear answer; counted up to 10,000, seen by each process.",
        &[],
    );
    PAYMENT_ANOMALIES: CounterOf<1> = new(
        "ticketing_payment_anomalies_total",
        "What must not happen: a charge of no payment of ours, a second charge of one, or a refund that failed after it counted. For a person to look at.",
        &[Label::one_of("kind", &["unknown_charge", "charged_twice", "refund_failed"])],
    );
    STRIPE_CALL_DURATION: HistogramOf<3> = seconds(
        "ticketing_stripe_call_duration_seconds",
        "How long a call to Stripe took, the wait for a turn included. Of an `unclear` one it is not known whether it took effect.",
        &[
            Label::one_of("method", &["GET", "POST"]),
            Label::one_of("path", &[
                "/v1/payment_intents",
                "/v1/payment_intents/{id}",
                "/v1/payment_intents/{id}/cancel",
                "/v1/refunds",
                "/v1/disputes",
            ]),
            Label::one_of("outcome", &["answered", "refused", "key_taken", "unclear"]),
        ],
        DURATION_BOUNDS,
    );
    STRIPE_WEBHOOKS: CounterOf<1> = new(
        "ticketing_stripe_webhooks_total",
        "Webhooks of Stripe that came: taken, or refused for a wrong signature or an unreadable body.",
        &[Label::one_of("outcome", &["taken", "refused"])],
    );
}
