//! Events that are delivered twice and in any order lead to the same state.

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
    expiration_of, order, payment_of, published_cancellation, settled, show, start_with_clock,
    ticket_for_sale,
};

/// A ticket, its order, and the events about both until the order reaches its final status.
struct Purchase {
    ticket: TicketState,
    order: OrderView,
    events: Vec<Event>,
    final_status: OrderStatus,
}

impl Purchase {
    async fn start(app: &TestApp, buyer: &Api, final_status: OrderStatus) -> Self {
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
        if final_status == OrderStatus::Complete {
            events.push(payment_of(&order));
        } else {
            events.push(expiration_of(&order));
            events.push(Event::TicketUpdated(state(2, None)));
        }
        Self {
            ticket,
            order,
            events,
            final_status,
        }
    }

    /// Checks the effects of all events: the order, the replica of the ticket and the reservation.
    async fn verify(&self, app: &TestApp, buyer: &Api) {
        let shown = show(buyer, &self.order).await;
        assert_eq!(shown.status, self.final_status);
        assert!((1..=2).contains(&shown.version), "{shown:?}");
        let by_ticket = doc! { "_id": object_id(self.ticket.id) };
        let found = async |name: &str| {
            let collection = app.database().collection::<Document>(name);
            collection.find_one(by_ticket.clone()).await.unwrap()
        };
        let (replica, reservation) = (found("tickets").await.unwrap(), found("reservations").await);
        if self.final_status == OrderStatus::Complete {
            assert_eq!(replica.get_i64("version").unwrap(), 1);
            let holder = reservation.unwrap().get_object_id("order_id").unwrap();
            assert_eq!(holder, object_id(self.order.id));
        } else {
            assert_eq!(replica.get_i64("version").unwrap(), 2);
            assert_eq!(reservation, None);
            let cancellation = published_cancellation(app, &self.order).await;
            assert_eq!(cancellation.version, shown.version);
        }
    }
}

/// All permutations of `0..count`.
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

/// Checks that all cancellations of an order are equal.
async fn verify_cancellations(app: &TestApp) {
    let published = app.published(Subject::OrderCancelled).await;
    for event in &published {
        let same = published
            .iter()
            .filter(|other| other.entity_id() == event.entity_id());
        assert!(same.clone().all(|other| other == event), "{event:?}");
    }
}

#[tokio::test]
async fn every_permutation_of_the_events_leads_to_the_same_state() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let mut purchases = Vec::new();
    for (status, count) in [(OrderStatus::Complete, 3), (OrderStatus::Cancelled, 4)] {
        for permutation in permutations(count) {
            let purchase = Purchase::start(&app, &buyer, status).await;
            purchases.push((purchase, permutation));
        }
    }
    assert_eq!(purchases.len(), 6 + 24);
    clock.advance(Duration::from_mins(15));
    // One event of each purchase at a time, so that they are handled in the order of delivery.
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
    verify_cancellations(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn shuffled_and_repeated_events_lead_to_the_same_state() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let mut purchases = Vec::new();
    for number in 0..20 {
        let status = if number % 2 == 0 {
            OrderStatus::Complete
        } else {
            OrderStatus::Cancelled
        };
        purchases.push(Purchase::start(&app, &buyer, status).await);
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
    verify_cancellations(&app).await;
    app.finish().await;
}
