//! A payments service with its own Stripe stand-in, and the orders that another service would publish.

use std::time::Duration;

use base::Clock;
use bson::{Document, doc};
use common::events::{OrderState, PaymentState};
use common::{Event, OrderStatus, Price, Subject};
use mongo::{new_id, object_id};
use payments::{Config, NAME, build};
use serde_json::{Value, json};
use stripe_stand_in::{Fault, FaultKind, LedgerCharge, Settings, StripeStandIn};
use testkit::{Answer, Api, TestApp, eventually};
use tokio::net::TcpListener;

/// The secret that signs webhooks.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_of_the_tests";

/// The service under test and its Stripe.
pub(crate) struct Shop {
    pub(crate) app: TestApp,
    pub(crate) stripe: StripeStandIn,
}

/// The charges and refunds at Stripe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Books {
    /// The order's id and the cents of each charge.
    pub(crate) charged: Vec<(String, i64)>,
    /// The id of each charge.
    pub(crate) charge_ids: Vec<String>,
    /// The refunded cents of all charges.
    pub(crate) refunded: i64,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(Clock::system()).await
    }

    /// A shop whose sweep runs only when the test advances the clock.
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

    /// The shop with a buyer and an order of theirs.
    pub(crate) async fn with_order(self) -> (Self, Api, OrderState) {
        let buyer = self.app.user();
        let order = self.order(&buyer).await;
        (self, buyer, order)
    }

    /// Restarts the service with the same data.
    pub(crate) async fn restart(self) -> Self {
        let app = self.app.restart().await;
        Self { app, ..self }
    }

    /// Kills the service and starts it with the same data.
    pub(crate) async fn crash_and_restart(self) -> Self {
        let app = self.app.crash_and_restart().await;
        Self { app, ..self }
    }

    pub(crate) async fn close(self) {
        self.app.finish().await;
        self.stripe.stop().await;
    }

    /// An order of this buyer for 20 dollars, active for a quarter of an hour. It is not published.
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

    /// Publishes such an order and waits for its replica.
    pub(crate) async fn order(&self, buyer: &Api) -> OrderState {
        let order = self.order_of(buyer);
        self.publish(Event::OrderCreated(order.clone())).await;
        order
    }

    /// Publishes an order's event and waits until its replica is at least as new.
    pub(crate) async fn publish(&self, event: Event) {
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

    /// Publishes the order's cancellation and waits for its replica.
    pub(crate) async fn cancel(&self, order: &OrderState) {
        self.publish(cancellation_of(order)).await;
    }

    /// Delays Stripe's next answer.
    pub(crate) fn make_slow(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap();
        self.stripe
            .inject(Fault::once(FaultKind::Slow { milliseconds }));
    }

    /// Makes Stripe answer this many calls with 500, without effect, and store that under their keys.
    pub(crate) fn store_500(&self, calls: u32) {
        self.stripe
            .inject(Fault::once(FaultKind::Error).times(calls));
    }

    /// Makes Stripe execute the next call, answer it with 500 and store that under its key.
    pub(crate) fn store_500_after_success(&self) {
        self.stripe.inject(Fault::once(FaultKind::ErrorAfter));
    }

    /// Makes this many calls fail before they reach Stripe.
    pub(crate) fn make_unavailable(&self, calls: u32) {
        self.stripe
            .inject(Fault::once(FaultKind::Unavailable).times(calls));
    }

    /// Makes Stripe execute this many calls and lose its answers.
    pub(crate) fn lose_answers(&self, calls: u32) {
        self.stripe
            .inject(Fault::once(FaultKind::LostAnswer).times(calls));
    }

    /// Waits until a call has met the injected fault.
    pub(crate) async fn wait_for_stripe_call(&self) {
        eventually("a call to Stripe", async || {
            let faults = self.get_from_stripe("/_stand-in/faults").await;
            let faults = faults.as_array().unwrap();
            faults.iter().all(|fault| fault["count"] == 0).then_some(())
        })
        .await;
    }

    /// The payment intent that charged for the order, from Stripe.
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
        self.get_from_stripe(&path).await
    }

    /// Lets Stripe send its webhooks to the service.
    pub(crate) fn enable_webhooks(&self) {
        let url = format!("{}/api/payments/webhook", self.app.base_url());
        self.stripe.set_webhook(url, WEBHOOK_SECRET);
    }

    /// The id of the payment intent that charged for the order.
    pub(crate) async fn intent_id(&self, order: &OrderState) -> String {
        let intent = self.intent_of(order).await;
        intent["id"].as_str().unwrap().to_owned()
    }

    /// Refunds the cents of the order's charge, or all of it, in the dashboard. Returns the refund's id.
    pub(crate) async fn refund_by_hand(&self, order: &OrderState, cents: Option<i64>) -> String {
        let intent = self.intent_id(order).await;
        self.stripe.refund(&intent, cents).unwrap()
    }

    pub(crate) async fn get_from_stripe(&self, path: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("{}{path}", self.stripe.base_url()));
        let request = request.bearer_auth(Settings::default().secret_key);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The charges and refunds at Stripe.
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

    /// The stored document of the order's payment.
    pub(crate) async fn stored(&self, order: &OrderState) -> Option<Document> {
        let payments = self.app.database().collection::<Document>("payments");
        let by_order = doc! { "_id": object_id(order.id) };
        payments.find_one(by_order).await.unwrap()
    }

    /// The outcomes of the order's attempts, in order.
    pub(crate) async fn outcomes(&self, order: &OrderState) -> Vec<String> {
        let stored = self.stored(order).await.unwrap();
        let attempts = stored.get_array("attempts").unwrap().iter();
        let outcomes = attempts.map(|attempt| {
            let outcome = attempt.as_document().unwrap().get_document("outcome");
            outcome.unwrap().get_str("is").unwrap().to_owned()
        });
        outcomes.collect()
    }

    /// Waits until the payment records this many returned cents.
    pub(crate) async fn wait_for_returned(&self, order: &OrderState, cents: i64) {
        eventually(&format!("{cents} returned cents"), async || {
            let stored = self.stored(order).await?;
            (stored.get_i64("given_back_cents").ok() == Some(cents)).then_some(())
        })
        .await;
    }

    /// Waits until all of Stripe's webhooks are delivered.
    pub(crate) async fn wait_for_webhooks(&self) {
        eventually("every webhook is delivered", async || {
            let waiting = self
                .get_from_stripe("/v1/events?delivery_success=false")
                .await;
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
        self.stored(order).await?;
        self.outcomes(order).await.pop()
    }

    /// Waits for the event of this subject about the order's payment.
    pub(crate) async fn expect_event(&self, subject: Subject, order: &OrderState) -> PaymentState {
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

    /// The number of events of this subject that were published so far.
    pub(crate) async fn count(&self, subject: Subject) -> usize {
        self.app.published(subject).await.len()
    }
}

/// The state that a payment's event carries.
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
