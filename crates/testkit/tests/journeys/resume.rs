//! Servers that the fleet stands on come and go.

use std::time::Duration;

use crate::{net_charged, order, pay, sell, shopper, wait_for_holder, wait_for_status, with_fleet};

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_goes_on_without_the_broker_and_is_told_of_when_it_is_back() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let known = sell(&buyer).await;
        let cancelled = order(&buyer, &known).await;
        assert_eq!(
            buyer
                .delete(&format!("/api/orders/{cancelled}"))
                .await
                .status,
            204
        );
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
async fn without_the_database_the_api_says_so_and_recovers() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        // Once round, so that every collection is there. The server that stands in for MongoDB does not survive being
        // killed while it makes the table of one.
        let first = order(&buyer, &sell(&buyer).await).await;
        assert_eq!(pay(&buyer, &first).await.status, 201);
        wait_for_status(&buyer, &first, "complete").await;
        let ticket = sell(&buyer).await;
        fleet.servers().mongo().kill().await.unwrap();
        let away = buyer.get("/api/tickets").await;
        assert_eq!(away.status, 503, "{away:?}");
        assert!(away.headers.contains_key("retry-after"));
        fleet.servers().mongo().restart().await.unwrap();
        fleet.wait_ready().await.unwrap();
        let order = order(&buyer, &ticket).await;
        assert_eq!(pay(&buyer, &order).await.status, 201);
        wait_for_status(&buyer, &order, "complete").await;
        assert_eq!(net_charged(fleet), 2 * 1_999);
    })
    .await;
}
