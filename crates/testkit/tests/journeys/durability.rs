//! The broker loses what it acknowledged, as it may when its machine loses power.

use std::time::Duration;

use bson::{Document, doc};
use testkit::{Fleet, eventually_within};

use crate::{PATIENCE, net_charged, order, pay, sell, shopper, wait_for_holder, with_fleet};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_broker_acknowledged_and_lost_is_told_again() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let cancelled = order(&buyer, &ticket).await;
        let path = format!("/api/orders/{cancelled}");
        assert_eq!(buyer.delete(&path).await.status, 204);
        wait_for_holder(&buyer, &ticket, None).await;
        let nats = fleet.servers().nats();
        nats.save_data().await.unwrap();
        // The one who is to be told of the order does not listen.
        let [payments] = fleet.service("payments")[..] else {
            panic!("one process of payments");
        };
        payments.suspend().await;
        let order = order(&buyer, &ticket).await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        wait_until_seen(fleet).await;
        nats.restore_data().await.unwrap();
        payments.resume().await;
        eventually_within(PATIENCE, "the order can be paid", async || {
            let paid = pay(&buyer, &order).await;
            if paid.status == 201 {
                Ok(())
            } else {
                Err(paid.text)
            }
        })
        .await;
        assert_eq!(net_charged(fleet), 1_999);
    })
    .await;
}

/// Waits until the orders service has noted how far the stream goes, which it does every few seconds.
async fn wait_until_seen(fleet: &Fleet) {
    let client = mongodb::Client::with_uri_str(fleet.mongo_uri("orders"))
        .await
        .unwrap();
    let sights = client.database("orders").collection::<Document>("streams");
    let last = async || {
        let sight = sights.find_one(doc! {}).await.unwrap();
        sight.map_or(0, |sight| sight.get_i64("last").unwrap_or(0))
    };
    let before = last().await;
    eventually_within(PATIENCE, "the stream was looked at again", async || {
        (last().await > before).then_some(())
    })
    .await;
}
