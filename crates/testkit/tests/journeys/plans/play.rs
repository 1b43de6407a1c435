//! Everything that makes the services look for something in their databases.

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

/// Does all of it once.
pub(super) async fn everything(fleet: &Fleet) {
    sign_in(fleet).await;
    let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
    let expiring = order(&buyer, &sell(&seller).await).await;
    trade(fleet, &seller, &buyer).await;
    cancel_before_it_is_placed(fleet, &buyer, &sell(&seller).await).await;
    sell(&seller).await;
    turn_pages(&seller, &buyer).await;
    ask_admin_ports(fleet).await;
    wait_for_status(&buyer, &expiring, "cancelled").await;
}

/// By a password, and by a mailed link.
async fn sign_in(fleet: &Fleet) {
    let guest = Api::anonymous(&fleet.origin());
    let credentials = json!({ "email": fresh::email(), "password": fresh::password() });
    let signed_up = guest.post("/api/users/signup", credentials.clone()).await;
    assert_eq!(signed_up.status, 201, "{signed_up:?}");
    let signed_in = guest.post("/api/users/signin", credentials).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    let link = mailed_link(fleet, &guest, &fresh::email()).await;
    let looked = guest.send(guest.request(Method::HEAD, &link)).await;
    assert_eq!(looked.status, 303, "{looked:?}");
    let followed = guest.get(&link).await;
    assert!((300..400).contains(&followed.status), "{followed:?}");
}

/// A ticket is ordered, given up, edited, ordered again, and paid by the second card, of which Stripe says only later
/// that it was charged.
async fn trade(fleet: &Fleet, seller: &Api, buyer: &Api) {
    let ticket = sell(seller).await;
    let given_up = order(buyer, &ticket).await;
    wait_for_status(buyer, &given_up, "awaiting:payment").await;
    // To its own buyer the order would be given again.
    let other = shopper(fleet).await;
    assert_eq!(try_order(&other, &ticket).await.status, 400);
    let cancelled = buyer.delete(&format!("/api/orders/{given_up}")).await;
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

/// Tells that an order of this ticket was cancelled before anything tells of the order, as a broker may.
async fn cancel_before_it_is_placed(fleet: &Fleet, buyer: &Api, ticket: &str) {
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

/// Two pages of every list.
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

/// The metrics, for which outboxes are counted, and that everything is told again.
async fn ask_admin_ports(fleet: &Fleet) {
    for name in ["tickets", "orders", "payments"] {
        for service in fleet.service(name) {
            let admin = Api::anonymous(&format!("http://127.0.0.1:{}", service.admin_port()));
            assert_eq!(admin.get("/metrics").await.status, 200);
            let told = admin.post("/resync", Value::Null).await;
            assert_eq!(told.status, 200, "{told:?}");
        }
    }
}
