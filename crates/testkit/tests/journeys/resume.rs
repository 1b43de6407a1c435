//! The broker and the database fail and come back.

use crate::{
    NO_EXPIRY, cancel, net_charged, order, pay, sell, shopper, wait_for_holder, wait_for_status,
    with_fleet,
};

#[tokio::test(flavor = "multi_thread")]
async fn sales_continue_without_the_broker_and_are_published_when_it_is_back() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let known = sell(&buyer).await;
        let cancelled = order(&buyer, &known).await;
        cancel(&buyer, &cancelled).await;
        fleet.servers().nats().kill().await.unwrap();
        let unknown = sell(&buyer).await;
        let ordered = order(&buyer, &known).await;
        fleet.servers().nats().restart().await.unwrap();
        wait_for_holder(&buyer, &known, Some(&ordered)).await;
        let second = order(&buyer, &unknown).await;
        for order in [ordered, second] {
            assert_eq!(pay(&buyer, &order).await.status, 201);
            wait_for_status(&buyer, &order, "complete").await;
        }
        assert_eq!(net_charged(fleet), 2 * 1_999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_the_api_responds_with_503_and_recovers() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        // Creates every collection first: the installable replacement of MongoDB does not survive a kill while it
        // creates one.
        let first = order(&buyer, &sell(&buyer).await).await;
        assert_eq!(pay(&buyer, &first).await.status, 201);
        wait_for_status(&buyer, &first, "complete").await;
        let ticket = sell(&buyer).await;
        fleet.servers().mongo().kill().await.unwrap();
        let refused = buyer.get("/api/tickets").await;
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.headers.contains_key("retry-after"));
        fleet.servers().mongo().restart().await.unwrap();
        fleet.wait_ready().await.unwrap();
        let order = order(&buyer, &ticket).await;
        assert_eq!(pay(&buyer, &order).await.status, 201);
        wait_for_status(&buyer, &order, "complete").await;
        assert_eq!(net_charged(fleet), 2 * 1_999);
    })
    .await;
}
