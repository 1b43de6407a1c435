//! Things done the moment after, or all at once.

use std::time::Duration;

use futures::future::join_all;

use crate::{net_charged, order, pay, sell, shopper, try_order, wait_for_status, with_fleet};

const TRIES: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_made_is_never_unknown() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        for _ in 0..TRIES {
            let ticket = sell(&buyer).await;
            let ordered = try_order(&buyer, &ticket).await;
            assert_eq!(
                ordered.status, 201,
                "ordered the moment after it was made: {ordered:?}"
            );
            let paid = pay(&buyer, &ordered.id()).await;
            assert_eq!(
                paid.status, 201,
                "paid the moment after it was ordered: {paid:?}"
            );
        }
        assert_eq!(net_charged(fleet), 1_999 * i64::try_from(TRIES).unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_shoppers_one_gets_the_ticket_and_pays_once() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let seller = shopper(fleet).await;
        let ticket = sell(&seller).await;
        // Five accounts, twenty tabs each: hashing a hundred passwords is not what is tested here.
        let accounts = join_all((0..5).map(async |_| shopper(fleet).await)).await;
        let tabs: Vec<_> = accounts.iter().cycle().take(100).collect();
        let answers = join_all(tabs.iter().map(|tab| try_order(tab, &ticket))).await;
        let mut won = tabs
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.status == 201);
        let (winner, ordered) = won.next().expect("somebody gets it");
        for (tab, answer) in won {
            // Another tab of the same shopper, which receives the same order.
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
async fn paying_and_giving_up_at_once_ends_in_one_of_both() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let mut kept = 0;
        for _ in 0..10 {
            let ticket = sell(&buyer).await;
            let order = order(&buyer, &ticket).await;
            let path = format!("/api/orders/{order}");
            let (_, given_up) = tokio::join!(pay(&buyer, &order), buyer.delete(&path));
            match given_up.status {
                204 => wait_for_status(&buyer, &order, "cancelled").await,
                400 => {
                    wait_for_status(&buyer, &order, "complete").await;
                    kept += 1;
                }
                _ => panic!("{given_up:?}"),
            }
        }
        testkit::eventually_within(
            crate::PATIENCE,
            "what came too late is refunded",
            async || (net_charged(fleet) == 1_999 * kept).then_some(()),
        )
        .await;
    })
    .await;
}
