//! Metrics about money.

use testkit::eventually;

use crate::shop::{Shop, pay};

#[tokio::test]
async fn attempts_are_counted_by_result_and_money_in_cents() {
    let (shop, buyer, order) = Shop::open().await.with_order().await;
    for (card, status) in [
        ("tok_chargeDeclinedInsufficientFunds", 400),
        ("tok_visa", 201),
        ("tok_visa", 400),
    ] {
        assert_eq!(pay(&buyer, &order, card).await.status, status);
    }
    let scrape = shop.app.metrics().await;
    let attempts = "ticketing_payment_attempts_total";
    assert_eq!(scrape.count(attempts, &[("result", "succeeded")]), 1);
    assert_eq!(scrape.count(attempts, &[("result", "declined")]), 1);
    let declined = [("code", "insufficient_funds")];
    assert_eq!(
        scrape.count("ticketing_payment_declines_total", &declined),
        1
    );
    assert_eq!(
        scrape.count("ticketing_payments_charged_cents_total", &[]),
        2_000
    );
    let calls = "ticketing_stripe_call_duration_seconds_count";
    assert_eq!(scrape.count(calls, &[("outcome", "answered")]), 1);
    assert_eq!(scrape.count(calls, &[("outcome", "refused")]), 1);
    shop.cancel(&order).await;
    eventually("the refund is counted", async || {
        shop.app
            .metrics()
            .await
            .count("ticketing_refunds_total", &[])
            == 1
    })
    .await;
    let scrape = shop.app.metrics().await;
    assert_eq!(
        scrape.count("ticketing_payments_refunded_cents_total", &[]),
        2_000
    );
    shop.close().await;
}
