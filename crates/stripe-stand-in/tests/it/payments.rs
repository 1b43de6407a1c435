use stripe::{ApiErrorsCode, ApiErrorsType, RequestStrategy};
use stripe_core::charge::RetrieveCharge;
use stripe_core::payment_intent::{
    CancelPaymentIntent, ConfirmPaymentIntent, ListPaymentIntent, RetrievePaymentIntent,
};
use stripe_shared::{ChargeStatus, PaymentIntentStatus};

use crate::stand_in::{PRICE, StandIn, empty_intent, payment, refusal};

#[tokio::test]
async fn a_good_card_is_charged_at_once() {
    let stand_in = StandIn::start().await;
    let intent = stand_in.paid().await;
    assert_eq!(intent.status, PaymentIntentStatus::Succeeded);
    assert_eq!((intent.amount, intent.amount_received), (PRICE, PRICE));
    assert_eq!(intent.metadata["order_id"], "order-1");
    let found = RetrievePaymentIntent::new(intent.id.clone())
        .send(&stand_in.stripe)
        .await;
    assert_eq!(found.unwrap().status, PaymentIntentStatus::Succeeded);
    let charge = intent.latest_charge.unwrap().into_id();
    let charge = RetrieveCharge::new(charge)
        .expand(["payment_intent".to_owned(), "refunds".to_owned()])
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    assert_eq!((charge.amount, charge.amount_refunded), (PRICE, 0));
    assert!(charge.refunds.unwrap().data.is_empty());
    let card = charge.payment_method_details.unwrap().card.unwrap();
    assert_eq!(card.last4.as_deref(), Some("4242"));
    assert!(charge.payment_intent.unwrap().as_object().is_some());
    stand_in.server.stop().await;
}

#[tokio::test]
async fn a_declined_card_is_a_card_error_that_carries_the_intent() {
    let stand_in = StandIn::start().await;
    let declined = stand_in
        .pay(
            &payment("tok_chargeDeclinedInsufficientFunds"),
            RequestStrategy::Once,
        )
        .await;
    let (error, status) = refusal(declined);
    assert_eq!(status, 402);
    assert_eq!(error.type_, ApiErrorsType::CardError);
    assert_eq!(error.code, Some(ApiErrorsCode::CardDeclined));
    assert_eq!(error.decline_code.as_deref(), Some("insufficient_funds"));
    assert_eq!(
        error.message.as_deref(),
        Some("Your card has insufficient funds.")
    );
    let intent = error.payment_intent.unwrap();
    assert_eq!(intent.status, PaymentIntentStatus::RequiresPaymentMethod);
    assert_eq!(intent.amount_received, 0);
    let remembered = intent.last_payment_error.unwrap();
    assert_eq!(remembered.code, Some(ApiErrorsCode::CardDeclined));
    assert!(remembered.payment_method.is_some());
    assert_eq!(
        intent.latest_charge.unwrap().into_id().as_str(),
        error.charge.unwrap()
    );
}

#[tokio::test]
async fn each_test_card_has_its_own_decline_message() {
    const DECLINED: &str = "Your card was declined.";
    let generic = |token, decline_code| (token, "card_declined", decline_code, DECLINED);
    let expected = [
        generic("tok_chargeDeclined", "generic_decline"),
        generic("tok_visa_chargeDeclined", "generic_decline"),
        generic("tok_chargeCustomerFail", "generic_decline"),
        generic("tok_chargeDeclinedLostCard", "lost_card"),
        generic("tok_chargeDeclinedStolenCard", "stolen_card"),
        generic("tok_chargeDeclinedFraudulent", "fraudulent"),
        (
            "tok_chargeDeclinedExpiredCard",
            "expired_card",
            "expired_card",
            "Your card has expired.",
        ),
        (
            "tok_chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "incorrect_cvc",
            "Your card's security code is incorrect.",
        ),
        (
            "tok_chargeDeclinedProcessingError",
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ];
    let stand_in = StandIn::start().await;
    for (token, code, decline_code, message) in expected {
        let declined = stand_in.pay(&payment(token), RequestStrategy::Once).await;
        let (error, status) = refusal(declined);
        let found = (
            status,
            error.code.map(|code| code.to_string()),
            error.decline_code.as_deref(),
            error.message.as_deref(),
        );
        let wanted = (
            402,
            Some(code.to_owned()),
            Some(decline_code),
            Some(message),
        );
        assert_eq!(found, wanted, "{token}");
    }
}

#[tokio::test]
async fn a_card_that_needs_authentication_is_declined_where_it_is_not_supported() {
    let stand_in = StandIn::start().await;
    let card = payment("tok_threeDSecure2Required");
    let (error, _) = refusal(stand_in.pay(&card, RequestStrategy::Once).await);
    assert_eq!(error.code, Some(ApiErrorsCode::AuthenticationRequired));
    let asked = empty_intent()
        .payment_method("pm_card_authenticationRequired")
        .confirm(true)
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert_eq!(asked.status, PaymentIntentStatus::RequiresAction);
    assert!(asked.next_action.is_some());
    assert_eq!(stand_in.server.ledger().totals.charged, 0);
}

#[tokio::test]
async fn a_declined_intent_is_paid_with_another_card() {
    let stand_in = StandIn::start().await;
    let declined = stand_in
        .pay(&payment("tok_chargeDeclined"), RequestStrategy::Once)
        .await;
    let id = refusal(declined).0.payment_intent.unwrap().id;
    let intent = ConfirmPaymentIntent::new(id.clone())
        .payment_method("pm_card_mastercard")
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert_eq!(intent.status, PaymentIntentStatus::Succeeded);
    assert!(intent.last_payment_error.is_none());
    let again = ConfirmPaymentIntent::new(id)
        .payment_method("pm_card_visa")
        .send(&stand_in.stripe)
        .await;
    let (error, status) = refusal(again);
    assert_eq!(status, 400);
    assert_eq!(
        error.code,
        Some(ApiErrorsCode::PaymentIntentUnexpectedState)
    );
    assert_eq!(stand_in.server.ledger().charges.len(), 1);
}

#[tokio::test]
async fn a_cancelled_intent_is_never_charged_and_a_paid_one_never_cancelled() {
    let stand_in = StandIn::start().await;
    let intent = empty_intent().send(&stand_in.stripe).await.unwrap();
    assert_eq!(intent.status, PaymentIntentStatus::RequiresPaymentMethod);
    let cancelled = CancelPaymentIntent::new(intent.id.clone())
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert_eq!(cancelled.status, PaymentIntentStatus::Canceled);
    let confirmed = ConfirmPaymentIntent::new(intent.id)
        .payment_method("pm_card_visa")
        .send(&stand_in.stripe)
        .await;
    assert_eq!(refusal(confirmed).1, 400);
    let paid = stand_in.paid().await;
    let late = CancelPaymentIntent::new(paid.id)
        .send(&stand_in.stripe)
        .await;
    let (error, status) = refusal(late);
    assert_eq!(status, 400);
    assert_eq!(
        error.code,
        Some(ApiErrorsCode::PaymentIntentUnexpectedState)
    );
    assert!(error.payment_intent.is_some());
}

#[tokio::test]
async fn requests_that_stripe_refuses_are_refused() {
    let stand_in = StandIn::start().await;
    let base = [
        ("amount", "2050"),
        ("currency", "usd"),
        ("payment_method_types[]", "card"),
    ];
    let with = |extra: &[(&'static str, &'static str)]| {
        let rest = base
            .iter()
            .filter(|(name, _)| extra.iter().all(|(other, _)| other != name));
        rest.chain(extra).copied().collect::<Vec<_>>()
    };
    let expected = [
        (with(&[("amount", "49")]), 400, "amount_too_small"),
        (with(&[("amount", "100000000")]), 400, "amount_too_large"),
        (
            with(&[("amount", "12.5")]),
            400,
            "parameter_invalid_integer",
        ),
        (with(&[("amount", "-1")]), 400, "parameter_invalid_integer"),
        (with(&[("currency", "")]), 400, "parameter_missing"),
        (with(&[("colour", "red")]), 400, "parameter_unknown"),
        (with(&[("customer", "cus_1")]), 400, "resource_missing"),
        (
            with(&[("confirm", "true"), ("payment_method", "pm_1")]),
            400,
            "resource_missing",
        ),
        (
            with(&[("confirm", "true")]),
            400,
            "payment_intent_unexpected_state",
        ),
    ];
    for (form, status, code) in expected {
        let answer = stand_in.post("/v1/payment_intents", &form).await;
        assert_eq!(
            (answer.status, answer.error("code")),
            (status, code),
            "{form:?}"
        );
    }
    let missing = stand_in.get("/v1/payment_intents/pi_1").await;
    assert_eq!(
        (missing.status, missing.error("message")),
        (404, "No such payment_intent: 'pi_1'")
    );
    assert_eq!(stand_in.get("/v1/customers").await.status, 404);
}

#[tokio::test]
async fn a_confirmation_that_may_redirect_needs_a_return_url() {
    let stand_in = StandIn::start().await;
    let form = [
        ("amount", "2050"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
    ];
    let refused = stand_in.post("/v1/payment_intents", &form).await;
    assert_eq!(refused.status, 400);
    assert!(refused.error("message").contains("return_url"));
    let back = [&form[..], &[("return_url", "https://example.com/back")]].concat();
    assert_eq!(
        stand_in.post("/v1/payment_intents", &back).await.status,
        200
    );
}

#[tokio::test]
async fn intents_are_listed_newest_first_in_pages() {
    let stand_in = StandIn::start().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(stand_in.paid().await.id);
    }
    let first = ListPaymentIntent::new()
        .limit(2)
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert!(first.has_more);
    assert_eq!([&first.data[0].id, &first.data[1].id], [&made[2], &made[1]]);
    let rest = ListPaymentIntent::new()
        .starting_after(made[1].as_str())
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert!(!rest.has_more);
    assert_eq!(rest.data.len(), 1);
    let newer = ListPaymentIntent::new()
        .limit(1)
        .ending_before(made[0].as_str())
        .expand(["data.latest_charge".to_owned()])
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert!(newer.has_more);
    assert_eq!(newer.data[0].id, made[1]);
    assert!(
        newer.data[0]
            .latest_charge
            .as_ref()
            .unwrap()
            .as_object()
            .is_some()
    );
}
