use serde_json::json;
use stripe::{ApiErrorsCode, StripeRequest};
use stripe_core::charge::RetrieveCharge;
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_shared::{Dispute, DisputeStatus};
use stripe_stand_in::LedgerStatus;
use stripe_types::List;

use crate::stand::{PRICE, Stand, refusal};

/// The disputes about an intent, as the client reads them.
async fn disputes(stand: &Stand, intent: &str) -> Vec<Dispute> {
    let mut list = ListRefund::new().payment_intent(intent).build();
    "/disputes".clone_into(&mut list.path);
    let found = list.customize::<List<Dispute>>().send(&stand.stripe);
    found.await.expect("the list of disputes").data
}

#[tokio::test]
async fn a_lost_dispute_takes_the_money_for_good() {
    let stand = Stand::start().await;
    let intent = stand.paid().await;
    let id = stand.server.open_dispute(intent.id.as_str()).unwrap();
    let open = &disputes(&stand, intent.id.as_str()).await[0];
    assert_eq!((open.id.as_str(), open.amount), (id.as_str(), PRICE));
    assert_eq!(open.status, DisputeStatus::NeedsResponse);
    let charge = intent.latest_charge.clone().unwrap().into_id();
    let charge = RetrieveCharge::new(charge).send(&stand.stripe).await;
    assert!(charge.unwrap().disputed);
    let refund = CreateRefund::new().payment_intent(intent.id.as_str());
    let (error, status) = refusal(refund.send(&stand.stripe).await);
    assert_eq!(status, 400);
    assert_eq!(error.code, Some(ApiErrorsCode::ChargeDisputed));
    assert!(stand.server.close_dispute(&id, false));
    assert!(!stand.server.close_dispute(&id, true));
    assert_eq!(
        disputes(&stand, intent.id.as_str()).await[0].status,
        DisputeStatus::Lost
    );
    let ledger = stand.server.ledger();
    assert_eq!(ledger.charges[0].status, LedgerStatus::Lost);
    assert_eq!((ledger.totals.lost, ledger.totals.refunded), (PRICE, 0));
}

#[tokio::test]
async fn a_won_dispute_leaves_the_money_and_allows_refunds() {
    let stand = Stand::start().await;
    let intent = stand.paid().await;
    let post = |path: String, body| stand.http.post(stand.url(&path)).json(&body).send();
    let opened = json!({ "payment_intent": intent.id.as_str() });
    let opened = post("/_stand-in/disputes".to_owned(), opened).await;
    let id: serde_json::Value = opened.unwrap().json().await.unwrap();
    let close = format!("/_stand-in/disputes/{}/close", id["id"].as_str().unwrap());
    let closed = post(close, json!({ "won": true })).await.unwrap();
    assert_eq!(closed.status(), 200);
    let part = json!({ "payment_intent": intent.id.as_str(), "amount": 50 });
    let refund = post("/_stand-in/refunds".to_owned(), part).await.unwrap();
    assert_eq!(refund.status(), 200);
    let ledger = stand.server.ledger();
    assert_eq!((ledger.totals.lost, ledger.totals.refunded), (0, 50));
    assert_eq!(
        disputes(&stand, intent.id.as_str()).await[0].status,
        DisputeStatus::Won
    );
}

#[tokio::test]
async fn an_unpaid_intent_cannot_be_disputed() {
    let stand = Stand::start().await;
    assert_eq!(stand.server.open_dispute("pi_1"), None);
    let intent = stand.paid().await;
    stand.server.refund(intent.id.as_str(), None).unwrap();
    assert_eq!(stand.server.open_dispute(intent.id.as_str()), None);
    assert_eq!(stand.server.refund(intent.id.as_str(), None), None);
}
