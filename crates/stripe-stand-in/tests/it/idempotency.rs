use futures::future::join_all;
use stripe::{ApiErrorsCode, ApiErrorsType, StripeRequest};
use stripe_core::refund::CreateRefund;
use stripe_stand_in::{Fault, FaultKind};

use crate::stand_in::{PRICE, StandIn, empty_intent, keyed, payment, refusal};

#[tokio::test]
async fn the_same_key_returns_the_same_answer() {
    let stand_in = StandIn::start().await;
    let card = payment("tok_visa");
    let first = stand_in.pay(&card, keyed("one")).await.unwrap();
    let again = stand_in.pay(&card, keyed("one")).await.unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(stand_in.server.ledger().charges.len(), 1);
    assert_eq!(
        stand_in.server.ledger().charges[0]
            .idempotency_key
            .as_deref(),
        Some("one")
    );
    let other = stand_in.pay(&card, keyed("two")).await.unwrap();
    assert_ne!(first.id, other.id);
}

#[tokio::test]
async fn a_replayed_answer_is_marked() {
    let stand_in = StandIn::start().await;
    let form = [("amount", "2050"), ("currency", "usd")];
    let send = || async {
        let request = stand_in
            .http
            .post(stand_in.url("/v1/payment_intents"))
            .form(&form);
        let request = request
            .bearer_auth("sk_test_stand_in")
            .header("idempotency-key", "k");
        crate::stand_in::Answer::of(request.send().await).await
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert_eq!(again.header("idempotency-key"), "k");
    assert!(again.header("request-id").starts_with("req_"));
}

#[tokio::test]
async fn a_decline_is_stored_too() {
    let stand_in = StandIn::start().await;
    let card = payment("tok_chargeDeclined");
    let (first, _) = refusal(stand_in.pay(&card, keyed("declined")).await);
    let (again, status) = refusal(stand_in.pay(&card, keyed("declined")).await);
    assert_eq!(status, 402);
    assert_eq!(first.charge, again.charge);
    assert_eq!(stand_in.server.ledger().totals.declined_attempts, 1);
}

#[tokio::test]
async fn a_key_is_good_for_one_request_only() {
    let stand_in = StandIn::start().await;
    let mut card = payment("tok_visa");
    stand_in.pay(&card, keyed("one")).await.unwrap();
    card.amount += 1;
    let (error, status) = refusal(stand_in.pay(&card, keyed("one")).await);
    assert_eq!(
        (error.type_, status),
        (ApiErrorsType::IdempotencyError, 400)
    );
    let refund = CreateRefund::new()
        .payment_intent("pi_1")
        .customize()
        .request_strategy(keyed("one"))
        .send(&stand_in.stripe)
        .await;
    let (error, status) = refusal(refund);
    assert_eq!(
        (error.type_, status),
        (ApiErrorsType::IdempotencyError, 400)
    );
    assert!(
        error
            .message
            .unwrap()
            .contains("'/v1/refunds' vs '/v1/payment_intents'")
    );
    assert_eq!(stand_in.server.ledger().totals.charged, PRICE);
}

#[tokio::test]
async fn a_key_used_for_an_empty_intent_blocks_a_late_charge() {
    let stand_in = StandIn::start().await;
    let withdrawn = empty_intent()
        .customize()
        .request_strategy(keyed("attempt"));
    withdrawn.send(&stand_in.stripe).await.unwrap();
    let late = stand_in.pay(&payment("tok_visa"), keyed("attempt")).await;
    assert_eq!(refusal(late).0.type_, ApiErrorsType::IdempotencyError);
    assert_eq!(stand_in.server.ledger().totals.charged, 0);
}

#[tokio::test]
async fn refused_parameters_leave_the_key_free() {
    let stand_in = StandIn::start().await;
    let mut card = payment("tok_visa");
    card.amount = 10;
    assert_eq!(refusal(stand_in.pay(&card, keyed("one")).await).1, 400);
    card.amount = PRICE;
    stand_in.pay(&card, keyed("one")).await.unwrap();
}

#[tokio::test]
async fn concurrent_requests_with_one_key_charge_once() {
    let stand_in = StandIn::start().await;
    stand_in
        .server
        .inject(Fault::once(FaultKind::Slow { milliseconds: 200 }));
    let card = payment("tok_visa");
    let sent = (0..20).map(|_| stand_in.pay(&card, keyed("one")));
    let (mut charged, mut in_use) = (Vec::new(), 0);
    for answer in join_all(sent).await {
        match answer {
            Ok(intent) => charged.push(intent.id),
            refused => {
                let (error, status) = refusal(refused);
                assert_eq!(status, 409);
                assert_eq!(error.code, Some(ApiErrorsCode::IdempotencyKeyInUse));
                in_use += 1;
            }
        }
    }
    assert!(in_use > 0, "the others must meet the first in progress");
    charged.dedup();
    assert_eq!(charged.len(), 1);
    assert_eq!(stand_in.server.ledger().charges.len(), 1);
}
