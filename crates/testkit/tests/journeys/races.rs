//! Requests that follow each other immediately, and requests at the same time.

use futures::future::join_all;

use crate::{
    NO_EXPIRY, net_charged, order, pay, sell, shopper, try_order, wait_for_status, with_fleet,
};

const ATTEMPTS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_ticket_or_order_is_never_unknown_to_the_next_request() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        for _ in 0..ATTEMPTS {
            let ticket = sell(&buyer).await;
            let ordered = try_order(&buyer, &ticket).await;
            assert_eq!(
                ordered.status, 201,
                "ordered immediately after the sale: {ordered:?}"
            );
            let paid = pay(&buyer, &ordered.id()).await;
            assert_eq!(
                paid.status, 201,
                "paid immediately after the order: {paid:?}"
            );
        }
        assert_eq!(net_charged(fleet), 1_999 * i64::try_from(ATTEMPTS).unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_shoppers_one_gets_the_ticket_and_pays_once() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let seller = shopper(fleet).await;
        let ticket = sell(&seller).await;
        // Five accounts with twenty tabs each, to avoid hashing a hundred passwords.
        let accounts = join_all((0..5).map(async |_| shopper(fleet).await)).await;
        let tabs: Vec<_> = accounts.iter().cycle().take(100).collect();
        let answers = join_all(tabs.iter().map(|tab| try_order(tab, &ticket))).await;
        let mut won = tabs
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.status == 201);
        let (winner, ordered) = won.next().expect("one shopper gets the ticket");
        for (tab, answer) in won {
            // Another tab of the same shopper receives the same order.
            let is_same = std::ptr::eq(*tab, *winner) && answer.id() == ordered.id();
            assert!(is_same, "sold twice");
        }
        for lost in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(
                (lost.status, lost.message()),
                (400, "Ticket is already reserved")
            );
        }

        let order = ordered.id();
        let payments = join_all((0..20).map(|_| pay(winner, &order))).await;
        assert!(payments.iter().any(|paid| paid.status == 201));
        for refused in payments.iter().filter(|paid| paid.status != 201) {
            assert_eq!(
                (refused.status, refused.message()),
                (400, "Order is already paid")
            );
        }
        wait_for_status(winner, &order, "complete").await;
        assert_eq!(net_charged(fleet), 1_999);
        assert_eq!(fleet.stripe().ledger().charges.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_and_cancelling_at_the_same_time_ends_in_one_of_both() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let mut complete = 0;
        for _ in 0..10 {
            let ticket = sell(&buyer).await;
            let order = order(&buyer, &ticket).await;
            let path = format!("/api/orders/{order}");
            let (_, cancelled) = tokio::join!(pay(&buyer, &order), buyer.delete(&path));
            match cancelled.status {
                204 => wait_for_status(&buyer, &order, "cancelled").await,
                400 => {
                    wait_for_status(&buyer, &order, "complete").await;
                    complete += 1;
                }
                _ => panic!("{cancelled:?}"),
            }
        }
        testkit::eventually_within(crate::TIMEOUT, "late payments are refunded", async || {
            (net_charged(fleet) == 1_999 * complete).then_some(())
        })
        .await;
    })
    .await;
}
