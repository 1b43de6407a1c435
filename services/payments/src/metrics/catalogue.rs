//! The declarations of the payments service's metrics.

use telemetry::declare_metrics;
use telemetry::metrics::{DURATION_BOUNDS, Label, Unit};

/// Stripe's documented decline codes (<https://docs.stripe.com/declines/codes>) and the error codes with which it can refuse
/// our charges (<https://docs.stripe.com/error-codes>).
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
        "Completed attempts to charge a card: charged, declined, or withdrawn because the order could no longer be paid or Stripe failed the attempt.",
        &[Label::one_of("result", &["succeeded", "declined", "withdrawn"])],
    );
    PAYMENT_DECLINES: CounterOf<1> = new(
        "ticketing_payment_declines_total",
        "Declined attempts by Stripe's reason.",
        &[Label::one_of("code", DECLINE_CODES)],
    );
    PAYMENT_CHARGED: CounterOf<0> = new(
        "ticketing_payments_charged_cents_total",
        "Amount charged.",
        &[],
    ).unit(Unit::Cents);
    REFUNDS: CounterOf<0> = new(
        "ticketing_refunds_total",
        "Payments that were refunded in full: for cancelled orders, in Stripe's dashboard, or by a lost dispute.",
        &[],
    );
    PAYMENT_REFUNDED: CounterOf<0> = new(
        "ticketing_payments_refunded_cents_total",
        "Amount returned, by refunds and lost disputes.",
        &[],
    ).unit(Unit::Cents);
    DISPUTES: CounterOf<1> = new(
        "ticketing_disputes_total",
        "Disputes that were opened, won or lost. Submit evidence against an open dispute in Stripe's dashboard before its deadline.",
        &[Label::one_of("state", &["opened", "won", "lost"])],
    );
    PAYMENTS_POSTPONED: CounterOf<0> = new(
        "ticketing_payments_postponed_total",
        "Payment steps left to the sweep because Stripe gave no clear answer.",
        &[],
    );
    PAYMENTS_UNFINISHED: GaugeOf<0> = new(
        "ticketing_payments_unfinished",
        "Payments with steps left to do, counted up to 10,000. Every process reports the same number.",
        &[],
    );
    PAYMENTS_STUCK: GaugeOf<0> = new(
        "ticketing_payments_stuck",
        "Unfinished payments without a clear answer after a hundred tries, counted up to 10,000. Every process reports the same number.",
        &[],
    );
    PAYMENT_ANOMALIES: CounterOf<1> = new(
        "ticketing_payment_anomalies_total",
        "Things that must not happen and that a person must check: a charge of an unknown payment, a second charge of a payment, or a refund that failed after it was counted.",
        &[Label::one_of("kind", &["unknown_charge", "charged_twice", "refund_failed"])],
    );
    STRIPE_CALL_DURATION: HistogramOf<3> = seconds(
        "ticketing_stripe_call_duration_seconds",
        "Duration of calls to Stripe, including the wait for the concurrency limit. `unclear` means that it is unknown whether the call took effect.",
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
        "Received webhooks: accepted (`taken`), or refused because of an invalid signature or body.",
        &[Label::one_of("outcome", &["taken", "refused"])],
    );
}
