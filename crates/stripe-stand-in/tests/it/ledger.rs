use stripe::RequestStrategy;
use stripe_core::refund::CreateRefund;
use stripe_stand_in::{Ledger, LedgerStatus};

use crate::stand_in::{PRICE, StandIn, keyed, payment};

#[tokio::test]
async fn the_ledger_adds_up() {
    let stand_in = StandIn::start().await;
    let charged = stand_in
        .pay(&payment("tok_visa"), keyed("charged"))
        .await
        .unwrap();
    let returned = stand_in.paid().await;
    let declined = payment("tok_chargeDeclined");
    assert!(
        stand_in
            .pay(&declined, RequestStrategy::Once)
            .await
            .is_err()
    );
    let refund = CreateRefund::new()
        .payment_intent(returned.id.as_str())
        .amount(PRICE);
    refund.send(&stand_in.stripe).await.unwrap();

    let answer = stand_in.get("/_stand-in/ledger").await;
    let ledger: Ledger = serde_json::from_value(answer.json).unwrap();
    assert_eq!(ledger, stand_in.server.ledger());
    assert_eq!(ledger.totals.charged, 2 * PRICE);
    assert_eq!(ledger.totals.refunded, PRICE);
    assert_eq!(ledger.totals.declined_attempts, 1);
    let [first, second] = &ledger.charges[..] else {
        panic!("two charges: {ledger:?}");
    };
    assert_eq!(first.payment_intent, charged.id.as_str());
    assert_eq!(first.metadata["order_id"], "order-1");
    assert_eq!((first.currency.as_str(), first.refunded), ("usd", 0));
    assert_eq!(first.status, LedgerStatus::Succeeded);
    assert_eq!(second.status, LedgerStatus::Refunded);
    assert_eq!(ledger.declined[0].decline_code, "generic_decline");
}
