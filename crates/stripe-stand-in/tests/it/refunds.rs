use stripe::ApiErrorsCode;
use stripe_core::charge::RetrieveCharge;
use stripe_core::refund::{CreateRefund, ListRefund, RetrieveRefund};
use stripe_stand_in::LedgerStatus;

use crate::stand_in::{PRICE, StandIn, refusal};

#[tokio::test]
async fn a_payment_is_refunded_in_full_and_only_once() {
    let stand_in = StandIn::start().await;
    let intent = stand_in.paid().await;
    let refund = CreateRefund::new()
        .payment_intent(intent.id.as_str())
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert_eq!(
        (refund.amount, refund.status.as_deref()),
        (PRICE, Some("succeeded"))
    );
    let found = RetrieveRefund::new(refund.id.clone())
        .send(&stand_in.stripe)
        .await;
    assert_eq!(found.unwrap().amount, PRICE);
    let charge = refund.charge.unwrap().into_id();
    let charge = RetrieveCharge::new(charge)
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert!(charge.refunded);
    assert_eq!(charge.amount_refunded, PRICE);
    let again = CreateRefund::new()
        .payment_intent(intent.id.as_str())
        .send(&stand_in.stripe)
        .await;
    let (error, status) = refusal(again);
    assert_eq!(status, 400);
    assert_eq!(error.code, Some(ApiErrorsCode::ChargeAlreadyRefunded));
    assert_eq!(stand_in.server.ledger().totals.refunded, PRICE);
}

#[tokio::test]
async fn partial_refunds_cannot_exceed_the_charge() {
    let stand_in = StandIn::start().await;
    let intent = stand_in.paid().await;
    let refund = async |amount: i64| {
        CreateRefund::new()
            .payment_intent(intent.id.as_str())
            .amount(amount)
            .send(&stand_in.stripe)
            .await
    };
    let (error, status) = refusal(refund(PRICE + 1).await);
    assert_eq!((status, error.param.as_deref()), (400, Some("amount")));
    assert_eq!(refund(50).await.unwrap().amount, 50);
    assert_eq!(
        stand_in.server.ledger().charges[0].status,
        LedgerStatus::PartiallyRefunded
    );
    assert_eq!(refusal(refund(PRICE - 49).await).1, 400);
    assert_eq!(refund(PRICE - 50).await.unwrap().amount, PRICE - 50);
    let charge = &stand_in.server.ledger().charges[0];
    assert_eq!(
        (charge.refunded, charge.status),
        (PRICE, LedgerStatus::Refunded)
    );
}

#[tokio::test]
async fn refunds_are_listed_by_payment() {
    let stand_in = StandIn::start().await;
    let (one, other) = (stand_in.paid().await, stand_in.paid().await);
    for intent in [&one, &other] {
        let charge = intent.latest_charge.clone().unwrap().into_id();
        let refund = CreateRefund::new().charge(charge.as_str());
        refund.send(&stand_in.stripe).await.unwrap();
    }
    let all = ListRefund::new().send(&stand_in.stripe).await.unwrap();
    assert_eq!(all.data.len(), 2);
    let found = ListRefund::new()
        .payment_intent(one.id.as_str())
        .send(&stand_in.stripe)
        .await
        .unwrap();
    assert_eq!(found.data.len(), 1);
    assert_eq!(
        found.data[0].payment_intent.clone().unwrap().into_id(),
        one.id
    );
}

#[tokio::test]
async fn an_unpaid_intent_cannot_be_refunded() {
    let stand_in = StandIn::start().await;
    let unpaid = crate::stand_in::empty_intent()
        .send(&stand_in.stripe)
        .await
        .unwrap();
    let refund = CreateRefund::new().payment_intent(unpaid.id.as_str());
    assert_eq!(refusal(refund.send(&stand_in.stripe).await).1, 400);
    let unknown = CreateRefund::new().payment_intent("pi_1");
    let (error, _) = refusal(unknown.send(&stand_in.stripe).await);
    assert_eq!(error.code, Some(ApiErrorsCode::ResourceMissing));
}
