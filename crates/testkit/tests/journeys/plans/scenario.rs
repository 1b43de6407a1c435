//! A scenario in which the services send every kind of query.

use base::Clock;
use base::config::Environment;
use common::api::orders::OrderSort;
use common::api::tickets::TicketSort;
use common::events::{CancellationReason, OrderState};
use common::{Event, OrderStatus, Price};
use messaging::{Broker, BrokerConfig, Outgoing};
use mongo::new_id;
use reqwest::Method;
use serde_json::{Value, json};
use stripe_stand_in::{Fault, FaultKind};
use testkit::{Api, Fleet, fresh};

use crate::magic_link::mailed_link;
use crate::{order, pay, sell, shopper, try_order, wait_for_holder, wait_for_status};

/// Runs the scenario once.
pub(super) async fn run(fleet: &Fleet) {
    sign_in(fleet).await;
    let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
    let expiring = order(&buyer, &sell(&seller).await).await;
    trade(fleet, &seller, &buyer).await;
    cancel_before_creation(fleet, &buyer, &sell(&seller).await).await;
    sell(&seller).await;
    turn_pages(&seller, &buyer).await;
    use_admin_ports(fleet).await;
    wait_for_status(&buyer, &expiring, "cancelled").await;
}

/// Signs in with a password, and with a mailed link.
async fn sign_in(fleet: &Fleet) {
    let guest = Api::anonymous(&fleet.origin());
    let credentials = json!({ "email": fresh::email(), "password": fresh::password() });
    let signed_up = guest.post("/api/users/signup", credentials.clone()).await;
    assert_eq!(signed_up.status, 201, "{signed_up:?}");
    let signed_in = guest.post("/api/users/signin", credentials).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    let link = mailed_link(fleet, &guest, &fresh::email()).await;
    let previewed = guest.send(guest.request(Method::HEAD, &link)).await;
    assert_eq!(previewed.status, 303, "{previewed:?}");
    let followed = guest.get(&link).await;
    assert!((300..400).contains(&followed.status), "{followed:?}");
}

/// A ticket is ordered, cancelled, edited, ordered again, and paid with a second card, whose charge Stripe confirms
/// only later.
async fn trade(fleet: &Fleet, seller: &Api, buyer: &Api) {
    let ticket = sell(seller).await;
    let first = order(buyer, &ticket).await;
    wait_for_status(buyer, &first, "awaiting:payment").await;
    // The same buyer would receive the same order again.
    let other = shopper(fleet).await;
    assert_eq!(try_order(&other, &ticket).await.status, 400);
    let cancelled = buyer.delete(&format!("/api/orders/{first}")).await;
    assert_eq!(cancelled.status, 204, "{cancelled:?}");
    wait_for_holder(buyer, &ticket, None).await;
    let details = json!({ "title": "Front row", "price": 25 });
    let edited = seller.put(&format!("/api/tickets/{ticket}"), details).await;
    assert_eq!(edited.status, 200, "{edited:?}");

    let paid = order(buyer, &ticket).await;
    let card = json!({ "token": "tok_chargeDeclinedInsufficientFunds", "orderId": paid });
    let declined = buyer.post("/api/payments", card).await;
    assert_eq!(declined.status, 400, "{declined:?}");
    fleet.stripe().inject(Fault::once(FaultKind::Unavailable));
    let unclear = pay(buyer, &paid).await;
    assert_eq!(unclear.status, 503, "{unclear:?}");
    wait_for_status(buyer, &paid, "complete").await;
}

/// Publishes the cancellation of an order of this ticket before the order's creation.
async fn cancel_before_creation(fleet: &Fleet, buyer: &Api, ticket: &str) {
    let mut environment = Environment::of([("NATS_URL".to_owned(), fleet.nats_url())]);
    let config = BrokerConfig::read(&mut environment, "plans").unwrap();
    let broker = Broker::connect(&config, "plans").await.unwrap();
    let now = Clock::system().now();
    let event = Event::OrderCancelled(OrderState {
        id: new_id(),
        version: 1,
        status: OrderStatus::Cancelled,
        user_id: buyer.user_id(),
        ticket_id: ticket.parse().unwrap(),
        price: Price::from_dollars(19.99).unwrap(),
        expires_at: now,
        reason: Some(CancellationReason::Owner),
    });
    let message = Outgoing::new(fresh::word(), &event, now);
    broker.publish(&message).await.unwrap();
}

/// Reads two pages of every list.
async fn turn_pages(seller: &Api, buyer: &Api) {
    for sort in TicketSort::ALL {
        for search in ["", "&q=front+row"] {
            turn_page(buyer, &format!("/api/tickets?limit=1&sort={sort}{search}")).await;
        }
    }
    turn_page(seller, "/api/tickets/mine?limit=1").await;
    for sort in OrderSort::ALL {
        turn_page(buyer, &format!("/api/orders?limit=1&sort={sort}")).await;
    }
}

async fn turn_page(reader: &Api, list: &str) {
    let first = reader.get(list).await;
    assert_eq!(first.status, 200, "{first:?}");
    let next = first
        .next_page()
        .unwrap_or_else(|| panic!("{list} has one page"));
    let second = reader.get(&next).await;
    assert_eq!(second.status, 200, "{second:?}");
}

/// Reads the metrics, which count the outboxes, and starts a resync.
async fn use_admin_ports(fleet: &Fleet) {
    for name in ["tickets", "orders", "payments"] {
        for service in fleet.service(name) {
            let admin = Api::anonymous(&format!("http://127.0.0.1:{}", service.admin_port()));
            assert_eq!(admin.get("/metrics").await.status, 200);
            let resync = admin.post("/resync", Value::Null).await;
            assert_eq!(resync.status, 200, "{resync:?}");
        }
    }
}
