use serde_json::json;
use stripe::{ApiErrorsCode, StripeRequest};
use stripe_core::charge::RetrieveCharge;
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_shared::{Dispute, DisputeStatus};
use stripe_stand_in::LedgerStatus;
use stripe_types::List;

use crate::stand_in::{PRICE, StandIn, refusal};

/// The disputes about an intent.
async fn disputes(stand_in: &StandIn, intent: &str) -> Vec<Dispute> {
    let mut list = ListRefund::new().payment_intent(intent).build();
    "/disputes".clone_into(&mut list.path);
    let found = list.customize::<List<Dispute>>().send(&stand_in.stripe);
    found.await.expect("the list of disputes").data
}

#[tokio::test]
async fn a_lost_dispute_takes_the_money_for_good() {
    let stand_in = StandIn::start().await;
    let intent = stand_in.paid().await;
    let id = stand_in.server.open_dispute(intent.id.as_str()).unwrap();
    let open = &disputes(&stand_in, intent.id.as_str()).await[0];
    assert_eq!((open.id.as_str(), open.amount), (id.as_str(), PRICE));
    assert_eq!(open.status, DisputeStatus::NeedsResponse);
    let charge = intent.latest_charge.clone().unwrap().into_id();
    let charge = RetrieveCharge::new(charge).send(&stand_in.stripe).await;
    assert!(charge.unwrap().disputed);
    let refund = CreateRefund::new().payment_intent(intent.id.as_str());
    let (error, status) = refusal(refund.send(&stand_in.stripe).await);
    assert_eq!(status, 400);
    assert_eq!(error.code, Some(ApiErrorsCode::ChargeDisputed));
    assert!(stand_in.server.close_dispute(&id, false));
    assert!(!stand_in.server.close_dispute(&id, true));
    assert_eq!(
        disputes(&stand_in, intent.id.as_str()).await[0].status,
        DisputeStatus::Lost
    );
    let ledger = stand_in.server.ledger();
    assert_eq!(ledger.charges[0].status, LedgerStatus::Lost);
    assert_eq!((ledger.totals.lost, ledger.totals.refunded), (PRICE, 0));
}

#[tokio::test]
async fn a_won_dispute_leaves_the_money_and_allows_refunds() {
    let stand_in = StandIn::start().await;
    let intent = stand_in.paid().await;
    let post = |path: String, body| stand_in.http.post(stand_in.url(&path)).json(&body).send();
    let opened = json!({ "payment_intent": intent.id.as_str() });
    let opened = post("/_stand-in/disputes".to_owned(), opened).await;
    let id: serde_json::Value = opened.unwrap().json().await.unwrap();
    let close = format!("/_stand-in/disputes/{}/close", id["id"].as_str().unwrap());
    let closed = post(close, json!({ "won": true })).await.unwrap();
    assert_eq!(closed.status(), 200);
    let part = json!({ "payment_intent": intent.id.as_str(), "amount": 50 });
    let refund = post("/_stand-in/refunds".to_owned(), part).await.unwrap();
    assert_eq!(refund.status(), 200);
    let ledger = stand_in.server.ledger();
    assert_eq!((ledger.totals.lost, ledger.totals.refunded), (0, 50));
    assert_eq!(
        disputes(&stand_in, intent.id.as_str()).await[0].status,
        DisputeStatus::Won
    );
}

#[tokio::test]
async fn an_unknown_or_refunded_intent_cannot_be_disputed() {
    let stand_in = StandIn::start().await;
    assert_eq!(stand_in.server.open_dispute("pi_1"), None);
    let intent = stand_in.paid().await;
    stand_in.server.refund(intent.id.as_str(), None).unwrap();
    assert_eq!(stand_in.server.open_dispute(intent.id.as_str()), None);
    assert_eq!(stand_in.server.refund(intent.id.as_str(), None), None);
}
