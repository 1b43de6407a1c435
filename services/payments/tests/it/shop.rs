//! A payments service with a Stripe of its own, and the orders that other services would tell it of.

use std::time::Duration;

use base::Clock;
use bson::{Document, doc};
use common::events::{OrderState, PaymentState};
use common::{Event, OrderStatus, Price, Subject};
use mongo::{new_id, object_id};
use payments::{Config, NAME, build};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use stripe_stand_in::{Fault, FaultKind, LedgerCharge, Settings, StripeStandIn};
use testkit::{Answer, Api, TestApp, eventually};
use tokio::net::TcpListener;

/// What webhooks are signed with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_of_the_tests";

/// The service under test and the Stripe that it charges cards by.
pub(crate) struct Shop {
    pub(crate) app: TestApp,
    pub(crate) stripe: StripeStandIn,
}

/// Where the money is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Books {
    /// Each charge, as its order's id and cents.
    pub(crate) charged: Vec<(String, i64)>,
    /// Each charge's id.
    pub(crate) charge_ids: Vec<String>,
    /// What was given back of all of them, in cents.
    pub(crate) refunded: i64,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(Clock::system()).await
    }

    /// A shop whose sweep comes only when the test moves the clock.
    pub(crate) async fn open_with_manual_clock() -> Self {
        Self::open_with(Clock::manual(Clock::system().now())).await
    }

    async fn open_with(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stripe = StripeStandIn::start(listener, Settings::default()).await;
        let app = TestApp::new(NAME)
            .set("STRIPE_KEY", Settings::default().secret_key)
            .set("STRIPE_API_BASE", stripe.base_url())
            .set("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .clock(clock)
            .start(Config::read, build)
            .await;
        Self { app, stripe }
    }

    /// The same service, started again on the same data.
    pub(crate) async fn restart(self) -> Self {
        let app = self.app.restart().await;
        Self { app, ..self }
    }

    /// The same service after it died.
    pub(crate) async fn crash_and_restart(self) -> Self {
        let app = self.app.crash_and_restart().await;
        Self { app, ..self }
    }

    pub(crate) async fn close(self) {
        self.app.finish().await;
        self.stripe.stop().await;
    }

    /// An order of this buyer for 20 dollars, active for a quarter of an hour; not told of yet.
    pub(crate) fn order_of(&self, buyer: &Api) -> OrderState {
        OrderState {
            id: new_id(),
            version: 0,
            status: OrderStatus::Created,
            user_id: buyer.user_id(),
            ticket_id: new_id(),
            price: Price::from_cents(2_000).unwrap(),
            expires_at: self.app.clock().now().plus(Duration::from_mins(15)),
            reason: None,
        }
    }

    /// Such an order, told of and arrived.
    pub(crate) async fn order(&self, buyer: &Api) -> OrderState {
        let order = self.order_of(buyer);
        self.tell(Event::OrderCreated(order.clone())).await;
        order
    }

    /// Publishes an order's event and waits until its replica is at least as new.
    pub(crate) async fn tell(&self, event: Event) {
        let (Event::OrderCreated(order) | Event::OrderCancelled(order)) = &event else {
            panic!("no event of an order: {event:?}")
        };
        let (id, version) = (object_id(order.id), i64::try_from(order.version).unwrap());
        self.app.publish(event).await;
        let orders = self.app.database().collection::<Document>("orders");
        eventually("the order's replica", async || {
            let known = doc! { "_id": id, "version": { "$gte": version } };
            orders.find_one(known).await.unwrap().map(|_| ())
        })
        .await;
    }

    /// Tells that the order was cancelled, and waits until that is known.
    pub(crate) async fn cancel(&self, order: &OrderState) {
        self.tell(cancellation_of(order)).await;
    }

    /// Stripe takes so long for its next answer.
    pub(crate) fn make_slow(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap();
        self.stripe
            .inject(Fault::once(FaultKind::Slow { milliseconds }));
    }

    /// Stripe answers so many calls with 500, does nothing about them, and stores the answer under their keys.
    pub(crate) fn fail(&self, calls: u32) {
        self.stripe
            .inject(Fault::once(FaultKind::Error).times(calls));
    }

    /// The next call is answered with 500, which is stored, although Stripe does what it asks for.
    pub(crate) fn fail_after(&self) {
        self.stripe.inject(Fault::once(FaultKind::ErrorAfter));
    }

    /// So many calls do not get through to Stripe.
    pub(crate) fn make_unavailable(&self, calls: u32) {
        self.stripe
            .inject(Fault::once(FaultKind::Unavailable).times(calls));
    }

    /// Stripe does what so many calls ask for, and its answers are lost.
    pub(crate) fn lose_answers(&self, calls: u32) {
        self.stripe
            .inject(Fault::once(FaultKind::LostAnswer).times(calls));
    }

    /// Waits until a call has met the fault that was injected.
    pub(crate) async fn wait_until_stripe_is_asked(&self) {
        eventually("a call to Stripe", async || {
            let faults = self.ask_stripe("/_stand-in/faults").await;
            let faults = faults.as_array().unwrap();
            faults.iter().all(|fault| fault["count"] == 0).then_some(())
        })
        .await;
    }

    /// The payment intent that charged for the order, as Stripe has it.
    pub(crate) async fn intent_of(&self, order: &OrderState) -> Value {
        let order = order.id.to_string();
        let charge = eventually("a charge for the order", async || {
            let charges = self.stripe.ledger().charges;
            charges
                .into_iter()
                .find(|charge| charge.metadata["order_id"] == order)
        })
        .await;
        let path = format!("/v1/payment_intents/{}", charge.payment_intent);
        self.ask_stripe(&path).await
    }

    /// From now on Stripe tells the service of what happens.
    pub(crate) fn send_webhooks_to_us(&self) {
        let url = format!("{}/api/payments/webhook", self.app.base_url());
        self.stripe.set_webhook(url, WEBHOOK_SECRET);
    }

    /// Gives the order's charge back as a person would at Stripe's own site; the refund's id.
    pub(crate) async fn refund_by_hand(&self, order: &OrderState) -> String {
        let intent = self.intent_of(order).await["id"].clone();
        let request = self.request_to_stripe(Method::POST, "/v1/refunds");
        let answer = request
            .form(&[("payment_intent", intent.as_str())])
            .send()
            .await;
        let refund: Value = answer.unwrap().json().await.unwrap();
        refund["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn ask_stripe(&self, path: &str) -> Value {
        let answer = self.request_to_stripe(Method::GET, path).send().await;
        answer.unwrap().json().await.unwrap()
    }

    fn request_to_stripe(&self, method: Method, path: &str) -> RequestBuilder {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .request(method, format!("{}{path}", self.stripe.base_url()))
            .bearer_auth(Settings::default().secret_key)
    }

    /// Where the money is, as Stripe knows it.
    pub(crate) fn books(&self) -> Books {
        let ledger = self.stripe.ledger();
        let of_order = |charge: &LedgerCharge| (charge.metadata["order_id"].clone(), charge.amount);
        Books {
            charged: ledger.charges.iter().map(of_order).collect(),
            charge_ids: ledger
                .charges
                .iter()
                .map(|charge| charge.charge.clone())
                .collect(),
            refunded: ledger.totals.refunded,
        }
    }

    /// The order's payment as it is stored.
    pub(crate) async fn stored(&self, order: &OrderState) -> Option<Document> {
        let payments = self.app.database().collection::<Document>("payments");
        let by_order = doc! { "_id": object_id(order.id) };
        payments.find_one(by_order).await.unwrap()
    }

    /// How the order's attempts ended, the first first.
    pub(crate) async fn outcomes(&self, order: &OrderState) -> Vec<String> {
        let stored = self.stored(order).await.unwrap();
        let attempts = stored.get_array("attempts").unwrap().iter();
        let outcomes = attempts.map(|attempt| {
            let outcome = attempt.as_document().unwrap().get_document("outcome");
            outcome.unwrap().get_str("is").unwrap().to_owned()
        });
        outcomes.collect()
    }

    /// Waits until so many cents are recorded to have gone back.
    pub(crate) async fn wait_for_given_back(&self, order: &OrderState, cents: i64) {
        eventually(&format!("{cents} cents given back"), async || {
            let stored = self.stored(order).await?;
            (stored.get_i64("given_back_cents").ok() == Some(cents)).then_some(())
        })
        .await;
    }

    /// Waits until Stripe's every webhook was taken.
    pub(crate) async fn wait_for_webhooks(&self) {
        eventually("every webhook was taken", async || {
            let waiting = self.ask_stripe("/v1/events?delivery_success=false").await;
            waiting["data"].as_array().unwrap().is_empty().then_some(())
        })
        .await;
    }

    /// Waits until the order's payment has this status.
    pub(crate) async fn wait_for_status(&self, order: &OrderState, status: &str) {
        eventually(&format!("a payment that is {status}"), async || {
            let stored = self.stored(order).await?;
            let is = stored
                .get_document("status")
                .unwrap()
                .get_str("is")
                .unwrap();
            (is == status).then_some(())
        })
        .await;
    }

    /// Waits until the order's last attempt has this outcome.
    pub(crate) async fn wait_for_outcome(&self, order: &OrderState, outcome: &str) {
        eventually(&format!("an attempt that is {outcome}"), async || {
            (self.last_outcome(order).await? == outcome).then_some(())
        })
        .await;
    }

    async fn last_outcome(&self, order: &OrderState) -> Option<String> {
        let stored = self.stored(order).await?;
        let attempts = stored.get_array("attempts").unwrap();
        let last = attempts.last()?.as_document().unwrap();
        let outcome = last.get_document("outcome").unwrap();
        Some(outcome.get_str("is").unwrap().to_owned())
    }

    /// Waits for the event of this subject about the order's payment.
    pub(crate) async fn told(&self, subject: Subject, order: &OrderState) -> PaymentState {
        let of_order = |event: &Event| state(event).order_id == order.id;
        let event = self.app.expect_event(subject, of_order).await;
        state(&event).clone()
    }

    /// Waits until every event published so far was handled.
    pub(crate) async fn wait_until_idle(&self) {
        let broker = self.app.broker();
        eventually("every event was handled", async || {
            let stream = broker
                .jetstream()
                .get_stream(broker.stream())
                .await
                .unwrap();
            let consumer = stream.consumer_info("payments-service").await.unwrap();
            (consumer.num_pending == 0 && consumer.num_ack_pending == 0).then_some(())
        })
        .await;
    }

    /// How many events of this subject were published so far.
    pub(crate) async fn count(&self, subject: Subject) -> usize {
        self.app.published(subject).await.len()
    }
}

/// What a payment's event says.
fn state(event: &Event) -> &PaymentState {
    let (Event::PaymentCreated(payment) | Event::PaymentRefunded(payment)) = event else {
        panic!("no event of a payment: {event:?}")
    };
    payment
}

/// The event of the order's cancellation.
pub(crate) fn cancellation_of(order: &OrderState) -> Event {
    Event::OrderCancelled(OrderState {
        version: order.version + 1,
        status: OrderStatus::Cancelled,
        ..order.clone()
    })
}

/// Pays the order with this token.
pub(crate) async fn pay(buyer: &Api, order: &OrderState, token: &str) -> Answer {
    let body = json!({ "token": token, "orderId": order.id });
    buyer.post("/api/payments", body).await
}
