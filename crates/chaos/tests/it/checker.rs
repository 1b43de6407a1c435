use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Clock;
use bson::{Document, doc};
use chaos::checker::{Checker, Invariant, Verdict};
use chaos::{Acknowledged, History};
use common::id::kind;
use common::{Id, Price};
use mongodb::{Client, Collection};
use serde_json::{Value, json};
use testkit::{Api, Fleet, FleetSettings, eventually_within};

/// How long an order can be paid: long enough on a busy machine.
const EXPIRATION: Duration = Duration::from_secs(12);

const TIMEOUT: Duration = Duration::from_mins(1);

/// A shopper who records acknowledgements.
struct Shopper<'a> {
    api: Api,
    history: &'a History,
}

impl<'a> Shopper<'a> {
    async fn sign_up(fleet: &Fleet, history: &'a History) -> Self {
        let api = Api::anonymous(&fleet.origin());
        let email = format!("{:032x}@example.com", rand::random::<u128>());
        let body = json!({ "email": email, "password": "correct horse" });
        let answer = api.post("/api/users/signup", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let user = id(&answer.json);
        history.add(Acknowledged::SignedUp { user, email });
        Self { api, history }
    }

    async fn sell(&self, title: &str, cents: i64) -> Id<kind::Ticket> {
        let price = Price::from_cents(cents).unwrap();
        let body = json!({ "title": title, "price": price });
        let answer = self.api.post("/api/tickets", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let ticket = id(&answer.json);
        self.history.add(Acknowledged::TicketCreated {
            ticket,
            seller: answer.json["userId"].as_str().unwrap().parse().unwrap(),
            title: title.to_owned(),
            price,
        });
        ticket
    }

    async fn edit(&self, ticket: Id<kind::Ticket>, title: &str, cents: i64) {
        let price = Price::from_cents(cents).unwrap();
        let body = json!({ "title": title, "price": price });
        let answer = self.api.put(&format!("/api/tickets/{ticket}"), body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.history.add(Acknowledged::TicketEdited {
            ticket,
            version: answer.json["version"].as_u64().unwrap(),
            title: title.to_owned(),
            price,
        });
    }

    async fn order(&self, ticket: Id<kind::Ticket>) -> Id<kind::Order> {
        let body = json!({ "ticketId": ticket });
        let answer = self.api.post("/api/orders", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let order = id(&answer.json);
        let shown = &answer.json;
        let price: Price = serde_json::from_value(shown["ticket"]["price"].clone()).unwrap();
        self.history.add(Acknowledged::OrderPlaced {
            order,
            ticket,
            buyer: shown["userId"].as_str().unwrap().parse().unwrap(),
            price,
            expires_at: shown["expiresAt"].as_str().unwrap().parse().unwrap(),
        });
        order
    }

    async fn pay(&self, order: Id<kind::Order>, token: &str) -> u16 {
        let body = json!({ "token": token, "orderId": order });
        let answer = self.api.post("/api/payments", body).await;
        if answer.status == 201 {
            let payment = id(&answer.json);
            self.history.add(Acknowledged::Paid { order, payment });
        }
        answer.status
    }

    async fn cancel(&self, order: Id<kind::Order>) {
        let answer = self.api.delete(&format!("/api/orders/{order}")).await;
        if answer.status == 204 {
            self.history.add(Acknowledged::OrderCancelled { order });
        }
    }

    async fn wait_for_status(&self, order: Id<kind::Order>, status: &str) {
        let path = format!("/api/orders/{order}");
        eventually_within(TIMEOUT, "the order's status", async || {
            let shown = self.api.get(&path).await;
            (shown.json["status"] == status).then_some(())
        })
        .await;
    }
}

fn id<K>(body: &Value) -> Id<K> {
    body["id"].as_str().unwrap().parse().unwrap()
}

/// Sells, edits, orders, declines, pays, cancels, and lets expire; returns a paid order.
async fn trade(fleet: &Fleet, history: &History) -> Id<kind::Order> {
    let seller = Shopper::sign_up(fleet, history).await;
    let buyer = Shopper::sign_up(fleet, history).await;
    let forgotten = seller.sell("Forgotten", 700).await;
    buyer.order(forgotten).await;

    let mut paid = None;
    for number in 0..5 {
        let ticket = seller.sell(&format!("Seat {number}"), 1_999 + number).await;
        seller
            .edit(ticket, &format!("Better seat {number}"), 2_500)
            .await;
        let order = buyer.order(ticket).await;
        let declined = buyer
            .pay(order, "tok_chargeDeclinedInsufficientFunds")
            .await;
        assert_eq!(declined, 400);
        assert_eq!(buyer.pay(order, "tok_visa").await, 201);
        assert_ne!(buyer.pay(order, "tok_visa").await, 201);
        paid = Some(order);

        let ticket = seller.sell(&format!("Given up {number}"), 3_000).await;
        let order = buyer.order(ticket).await;
        buyer.cancel(order).await;
        let order = buyer.order(ticket).await;
        // Either may win; a payment of a cancelled order is refunded.
        let pay = async {
            let body = json!({ "token": "tok_visa", "orderId": order });
            buyer.api.post("/api/payments", body).await
        };
        tokio::join!(pay, buyer.cancel(order));
    }
    let paid = paid.unwrap();
    buyer.wait_for_status(paid, "complete").await;
    paid
}

async fn collection(fleet: &Fleet, database: &str, name: &str) -> Collection<Document> {
    let client = Client::with_uri_str(fleet.mongo_uri(database))
        .await
        .unwrap();
    client.database(database).collection(name)
}

/// The verdict if load and faults ended so long ago.
async fn check(checker: &Checker, history: &History, ago: Duration) -> Verdict {
    let ended = Clock::system().now().minus(ago);
    Box::pin(checker.check(history, ended, ended))
        .await
        .unwrap()
}

fn names(verdict: &Verdict, invariant: Invariant, entity: &impl ToString) -> bool {
    let entity = entity.to_string();
    verdict
        .violations
        .iter()
        .any(|violation| violation.invariant == invariant && violation.entities.contains(&entity))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_fleet_has_no_violations_and_damage_is_found() {
    let settings = FleetSettings {
        expiration: EXPIRATION,
        ..FleetSettings::default()
    };
    let fleet = Arc::new(Fleet::start(settings).await.unwrap());
    let checker = Checker::connect(&fleet).await.unwrap();
    let watch = checker.watch();
    let history = History::default();
    let paid = trade(&fleet, &history).await;

    let began = Instant::now();
    let verdict = check(&checker, &history, Duration::ZERO).await;
    assert_eq!(verdict.violations, []);
    assert_eq!(watch.finish().await, []);
    assert!(verdict.agreed_after.is_some());
    assert!(verdict.events > 50, "{verdict:?}");
    assert!(began.elapsed() < TIMEOUT);
    let invariants: Vec<_> = verdict
        .checked
        .iter()
        .map(|(invariant, _)| *invariant)
        .collect();
    assert_eq!(invariants, Invariant::ALL);

    let paid_id = bson::oid::ObjectId::from_bytes(paid.bytes());
    let orders = collection(&fleet, "orders", "orders").await;
    let by_id = doc! { "_id": paid_id };
    let reopened = doc! { "$set": { "status": "cancelled" } };
    orders.update_one(by_id.clone(), reopened).await.unwrap();
    // After a minute the checker waits for nothing.
    let damaged = check(&checker, &history, TIMEOUT).await;
    // It contradicts the stream, the ledger, the payment, the reservation and the acknowledgement.
    for invariant in [
        Invariant::I1,
        Invariant::I2,
        Invariant::I4,
        Invariant::I5,
        Invariant::I7,
        Invariant::I8,
    ] {
        assert!(
            names(&damaged, invariant, &paid),
            "{invariant}: {damaged:#?}"
        );
    }
    let restored = doc! { "$set": { "status": "complete" } };
    orders.update_one(by_id.clone(), restored).await.unwrap();

    let reservations = collection(&fleet, "orders", "reservations").await;
    let claim = doc! { "order_id": paid_id };
    reservations.delete_one(claim).await.unwrap();
    let replicas = collection(&fleet, "payments", "orders").await;
    replicas.delete_one(by_id).await.unwrap();
    let damaged = check(&checker, &history, TIMEOUT).await;
    assert!(names(&damaged, Invariant::I1, &paid), "{damaged:#?}");
    assert!(names(&damaged, Invariant::I7, &paid), "{damaged:#?}");

    drop(checker);
    assert_eq!(fleet.unexpected_exits(), Vec::<String>::new());
    Arc::into_inner(fleet).unwrap().stop().await.unwrap();
}
