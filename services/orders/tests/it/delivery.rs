//! Every event comes twice and in any order, and leaves the same state.

use std::time::Duration;

use bson::{Document, doc};
use common::api::orders::OrderView;
use common::events::TicketState;
use common::{Event, OrderStatus, Subject};
use mongo::object_id;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use testkit::{Api, TestApp};

use crate::{
    expiration_of, order, payment_of, settled, show, start_with_clock, ticket_for_sale,
    told_cancellation,
};

/// A ticket, its order, and what is told of both while the order comes to its end.
struct Purchase {
    ticket: TicketState,
    order: OrderView,
    events: Vec<Event>,
    end: OrderStatus,
}

impl Purchase {
    async fn begin(app: &TestApp, buyer: &Api, end: OrderStatus) -> Self {
        let ticket = ticket_for_sale(app).await;
        let order = order(buyer, &ticket).await;
        let state = |version, order_id| TicketState {
            version,
            order_id,
            ..ticket.clone()
        };
        let mut events = vec![
            Event::TicketCreated(ticket.clone()),
            Event::TicketUpdated(state(1, Some(order.id))),
        ];
        if end == OrderStatus::Complete {
            events.push(payment_of(&order));
        } else {
            events.push(expiration_of(&order));
            events.push(Event::TicketUpdated(state(2, None)));
        }
        Self {
            ticket,
            order,
            events,
            end,
        }
    }

    /// Every event applied, none twice: the order's end, the newest ticket, and the reservation as it belongs.
    async fn verify(&self, app: &TestApp, buyer: &Api) {
        let shown = show(buyer, &self.order).await;
        assert_eq!(shown.status, self.end);
        assert!((1..=2).contains(&shown.version), "{shown:?}");
        let by_ticket = doc! { "_id": object_id(self.ticket.id) };
        let found = async |name: &str| {
            let collection = app.database().collection::<Document>(name);
            collection.find_one(by_ticket.clone()).await.unwrap()
        };
        let (replica, reservation) = (found("tickets").await.unwrap(), found("reservations").await);
        if self.end == OrderStatus::Complete {
            assert_eq!(replica.get_i64("version").unwrap(), 1);
            let holder = reservation.unwrap().get_object_id("order_id").unwrap();
            assert_eq!(holder, object_id(self.order.id));
        } else {
            assert_eq!(replica.get_i64("version").unwrap(), 2);
            assert_eq!(reservation, None);
            let told = told_cancellation(app, &self.order).await;
            assert_eq!(told.version, shown.version);
        }
    }
}

/// All orders in which `count` things can come.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let with_last = shorter.iter().flat_map(|order| {
        (0..count).map(|place| {
            let mut order = order.clone();
            order.insert(place, count - 1);
            order
        })
    });
    with_last.collect()
}

/// Every cancellation that was told of an order tells the same.
async fn verify_what_was_told(app: &TestApp) {
    let told = app.published(Subject::OrderCancelled).await;
    for event in &told {
        let same = told
            .iter()
            .filter(|other| other.entity_id() == event.entity_id());
        assert!(same.clone().all(|other| other == event), "{event:?}");
    }
}

#[tokio::test]
async fn every_order_of_the_events_leaves_the_same_state() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let mut purchases = Vec::new();
    for (end, count) in [(OrderStatus::Complete, 3), (OrderStatus::Cancelled, 4)] {
        for permutation in permutations(count) {
            let purchase = Purchase::begin(&app, &buyer, end).await;
            purchases.push((purchase, permutation));
        }
    }
    assert_eq!(purchases.len(), 6 + 24);
    clock.advance(Duration::from_mins(15));
    // One event of each purchase at a time, so that they are handled in the order in which they come.
    for step in 0..4 {
        for (purchase, permutation) in &purchases {
            let Some(next) = permutation.get(step) else {
                continue;
            };
            for _ in 0..2 {
                app.deliver_again(purchase.events[*next].clone()).await;
            }
        }
        settled(&app).await;
    }
    for (purchase, _) in &purchases {
        purchase.verify(&app, &buyer).await;
    }
    verify_what_was_told(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_shuffled_flood_of_repeated_events_leaves_the_same_state() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let mut purchases = Vec::new();
    for number in 0..20 {
        let end = if number % 2 == 0 {
            OrderStatus::Complete
        } else {
            OrderStatus::Cancelled
        };
        purchases.push(Purchase::begin(&app, &buyer, end).await);
    }
    clock.advance(Duration::from_mins(15));
    let mut events: Vec<_> = purchases
        .iter()
        .flat_map(|purchase| purchase.events.iter().chain(&purchase.events).cloned())
        .collect();
    events.shuffle(&mut StdRng::seed_from_u64(2));
    for event in events {
        app.deliver_again(event).await;
    }
    settled(&app).await;
    for purchase in &purchases {
        purchase.verify(&app, &buyer).await;
    }
    verify_what_was_told(&app).await;
    app.finish().await;
}
