//! The broker loses acknowledged events, as after a power failure.

use bson::doc;
use testkit::{Fleet, eventually_within};

use crate::{
    NO_EXPIRY, TIMEOUT, cancel, collection, net_charged, order, pay, sell, shopper,
    wait_for_holder, with_fleet,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_event_that_the_broker_lost_is_published_again() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        let cancelled = order(&buyer, &ticket).await;
        cancel(&buyer, &cancelled).await;
        wait_for_holder(&buyer, &ticket, None).await;
        let nats = fleet.servers().nats();
        nats.save_data().await.unwrap();
        // The payments service does not receive the order's event.
        let [payments] = fleet.service("payments")[..] else {
            panic!("one process of payments");
        };
        payments.suspend().await;
        let order = order(&buyer, &ticket).await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        wait_until_position_is_stored(fleet).await;
        nats.restore_data().await.unwrap();
        payments.resume().await;
        eventually_within(TIMEOUT, "the order can be paid", async || {
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

/// Waits until the orders service has stored the end of the stream, which it does every few seconds.
async fn wait_until_position_is_stored(fleet: &Fleet) {
    let streams = collection(fleet, "orders", "streams").await;
    let last = async || {
        let stream = streams.find_one(doc! {}).await.unwrap();
        stream.map_or(0, |stream| stream.get_i64("last").unwrap_or(0))
    };
    let before = last().await;
    eventually_within(TIMEOUT, "the stream's end is stored again", async || {
        (last().await > before).then_some(())
    })
    .await;
}
