use std::time::Duration;

use serde_json::{Value, json};
use stripe::{ApiErrorsType, RequestStrategy, StripeError};
use stripe_core::refund::CreateRefund;
use stripe_stand_in::{Fault, FaultKind};

use crate::stand_in::{PRICE, StandIn, eventually, keyed, payment, refusal};

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_found_by_its_key() {
    let stand_in = StandIn::start().await;
    stand_in.server.inject(Fault::once(FaultKind::LostAnswer));
    let card = payment("tok_visa");
    let lost = stand_in.pay(&card, keyed("one")).await;
    assert!(matches!(lost, Err(StripeError::ClientError(_))), "{lost:?}");
    let charges = stand_in.server.ledger().charges;
    assert_eq!(charges.len(), 1);
    let found = stand_in.pay(&card, keyed("one")).await.unwrap();
    assert_eq!(found.id.as_str(), charges[0].payment_intent);
    assert_eq!(stand_in.server.ledger().totals.charged, PRICE);
}

#[tokio::test]
async fn a_500_is_repeated_for_its_key_whether_or_not_the_charge_happened() {
    for (fault, charged) in [(FaultKind::Error, 0), (FaultKind::ErrorAfter, PRICE)] {
        let stand_in = StandIn::start().await;
        stand_in.server.inject(Fault::once(fault));
        let card = payment("tok_visa");
        for _ in 0..3 {
            let (error, status) = refusal(stand_in.pay(&card, keyed("one")).await);
            assert_eq!((error.type_, status), (ApiErrorsType::ApiError, 500));
        }
        assert_eq!(stand_in.server.ledger().totals.charged, charged);
        stand_in.pay(&card, keyed("two")).await.unwrap();
        assert_eq!(stand_in.server.ledger().totals.charged, charged + PRICE);
    }
}

#[tokio::test]
async fn a_503_from_a_proxy_has_no_effect_and_is_not_stored() {
    let stand_in = StandIn::start().await;
    stand_in
        .server
        .inject(Fault::once(FaultKind::Unavailable).times(2));
    let card = payment("tok_visa");
    for _ in 0..2 {
        assert_eq!(refusal(stand_in.pay(&card, keyed("one")).await).1, 503);
    }
    assert_eq!(stand_in.server.ledger().totals.charged, 0);
    stand_in.pay(&card, keyed("one")).await.unwrap();
    assert_eq!(stand_in.server.ledger().charges.len(), 1);
}

#[tokio::test]
async fn a_fault_affects_only_its_paths() {
    let stand_in = StandIn::start().await;
    stand_in
        .server
        .inject(Fault::once(FaultKind::Error).on("/v1/refunds"));
    let intent = stand_in.paid().await;
    let refund = CreateRefund::new().payment_intent(intent.id.as_str());
    assert_eq!(refusal(refund.send(&stand_in.stripe).await).1, 500);
    refund.send(&stand_in.stripe).await.unwrap();
}

#[tokio::test]
async fn a_slow_request_is_processed_after_its_caller_disconnected() {
    let stand_in = StandIn::start().await;
    stand_in
        .server
        .inject(Fault::once(FaultKind::Slow { milliseconds: 300 }));
    let card = payment("tok_visa");
    let aborted = tokio::time::timeout(
        Duration::from_millis(50),
        stand_in.pay(&card, RequestStrategy::Once),
    );
    assert!(aborted.await.is_err());
    assert_eq!(stand_in.server.ledger().totals.charged, 0);
    eventually("the charge", || async {
        (stand_in.server.ledger().totals.charged == PRICE).then_some(())
    })
    .await;
}

#[tokio::test]
async fn faults_are_injected_and_cleared_over_http() {
    let stand_in = StandIn::start().await;
    let faults = stand_in.url("/_stand-in/faults");
    let inject = |fault: Value| stand_in.http.post(&faults).json(&fault).send();
    let slow = json!({ "kind": "slow", "milliseconds": 5, "count": 3, "path": "/v1/tokens" });
    assert_eq!(inject(slow).await.unwrap().status(), 204);
    assert_eq!(
        inject(json!({ "kind": "error" })).await.unwrap().status(),
        204
    );
    assert_eq!(
        inject(json!({ "kind": "fire" })).await.unwrap().status(),
        422
    );
    let waiting = stand_in.get("/_stand-in/faults").await.json;
    assert_eq!(waiting.as_array().unwrap().len(), 2);
    assert_eq!(
        waiting[1],
        json!({ "kind": "error", "count": 1, "path": null })
    );
    stand_in.http.delete(&faults).send().await.unwrap();
    stand_in.paid().await;
}
