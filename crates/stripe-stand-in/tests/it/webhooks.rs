use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::json;
use stripe::RequestStrategy;
use stripe_core::payment_intent::CancelPaymentIntent;
use stripe_core::refund::CreateRefund;
use stripe_stand_in::{Fault, FaultKind};
use stripe_webhook::{Event, EventObject, Webhook};
use tokio::net::TcpListener;

use crate::stand_in::{PRICE, StandIn, empty_intent, eventually, payment};

const SECRET: &str = "whsec_test";

/// The received webhooks.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    /// The body and signature of each.
    deliveries: Vec<(String, String)>,
    /// How many deliveries are refused before one is accepted.
    refuse: usize,
    refused: usize,
    /// Bodies that contain this are always refused.
    unwanted: Option<String>,
}

impl Inbox {
    async fn open(refuse: usize) -> (Self, String) {
        let inbox = Self::default();
        inbox.0.lock().expect("no panic").refuse = refuse;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let router = Router::new()
            .route("/hook", post(receive))
            .with_state(inbox.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        (inbox, url)
    }

    /// Waits for this many events and verifies their signatures.
    async fn events(&self, count: usize) -> Vec<Event> {
        let deliveries = eventually("the events", || async {
            let deliveries = self.0.lock().expect("no panic").deliveries.clone();
            (deliveries.len() >= count).then_some(deliveries)
        })
        .await;
        let events = deliveries.iter().map(|(body, signature)| {
            Webhook::construct_event(body, signature, SECRET).expect("signed, in Stripe's shape")
        });
        events.collect()
    }
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> StatusCode {
    let mut received = inbox.0.lock().expect("no panic");
    if received.refused < received.refuse {
        received.refused += 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let unwanted = received.unwanted.as_deref();
    if unwanted.is_some_and(|unwanted| body.contains(unwanted)) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let signature = headers["stripe-signature"].to_str().expect("text");
    received.deliveries.push((body, signature.to_owned()));
    StatusCode::OK
}

fn types(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.type_.as_str()).collect()
}

/// The payment intents of the events.
fn intents(events: &[Event]) -> Vec<&str> {
    let intents = events.iter().map(|event| match &event.data.object {
        EventObject::PaymentIntentSucceeded(intent) => intent.id.as_str(),
        other => panic!("a payment intent: {other:?}"),
    });
    intents.collect()
}

#[tokio::test]
async fn all_events_are_delivered_in_order_and_signed() {
    let stand_in = StandIn::start().await;
    let (inbox, url) = Inbox::open(0).await;
    stand_in.server.set_webhook(url, SECRET);
    let paid = stand_in.paid().await;
    let declined = payment("tok_chargeDeclined");
    assert!(
        stand_in
            .pay(&declined, RequestStrategy::Once)
            .await
            .is_err()
    );
    let unpaid = empty_intent().send(&stand_in.stripe).await.unwrap();
    let cancel = CancelPaymentIntent::new(unpaid.id);
    cancel.send(&stand_in.stripe).await.unwrap();
    let refund = CreateRefund::new().payment_intent(paid.id.as_str());
    refund.send(&stand_in.stripe).await.unwrap();

    let events = inbox.events(5).await;
    let expected = [
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "refund.created",
        "charge.refunded",
    ];
    assert_eq!(types(&events), expected);
    let EventObject::PaymentIntentSucceeded(intent) = &events[0].data.object else {
        panic!("a payment intent: {:?}", events[0]);
    };
    assert_eq!((&intent.id, intent.amount_received), (&paid.id, PRICE));
    let EventObject::ChargeRefunded(charge) = &events[4].data.object else {
        panic!("a charge: {:?}", events[4]);
    };
    assert_eq!(charge.amount_refunded, PRICE);
    assert_eq!(events[0].api_version, Some(stripe_shared::version::VERSION));
}

#[tokio::test]
async fn a_wrong_secret_does_not_verify() {
    let stand_in = StandIn::start().await;
    let (inbox, url) = Inbox::open(0).await;
    stand_in.server.set_webhook(url, SECRET);
    stand_in.paid().await;
    inbox.events(1).await;
    let (body, signature) = inbox.0.lock().unwrap().deliveries[0].clone();
    assert!(Webhook::construct_event(&body, &signature, "whsec_other").is_err());
    let forged = body.replace(&PRICE.to_string(), "1");
    assert!(Webhook::construct_event(&forged, &signature, SECRET).is_err());
}

#[tokio::test]
async fn an_event_is_repeated_until_it_is_confirmed() {
    let stand_in = StandIn::start().await;
    let (inbox, url) = Inbox::open(3).await;
    stand_in.server.set_webhook(url, SECRET);
    let paid = stand_in.paid().await;
    let events = inbox.events(1).await;
    assert_eq!(intents(&events), [paid.id.as_str()]);
    assert_eq!(inbox.0.lock().unwrap().refused, 3);
    eventually("it is confirmed", || async {
        let waiting = stand_in.get("/v1/events?delivery_success=false").await;
        let waiting = waiting.json["data"].as_array()?.len();
        (waiting == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_undeliverable_event_does_not_block_the_others() {
    let stand_in = StandIn::start().await;
    let (inbox, url) = Inbox::open(0).await;
    stand_in.server.set_webhook(url, SECRET);
    let unwanted = stand_in.paid().await;
    inbox.events(1).await;
    inbox.0.lock().unwrap().unwanted = Some(unwanted.id.to_string());
    let refund = CreateRefund::new().payment_intent(unwanted.id.as_str());
    refund.send(&stand_in.stripe).await.unwrap();
    let wanted = stand_in.paid().await;
    let events = inbox.events(2).await;
    assert_eq!(intents(&events), [unwanted.id.as_str(), wanted.id.as_str()]);
}

#[tokio::test]
async fn an_event_is_reordered_on_demand_and_delivered_alone_if_none_follows() {
    let stand_in = StandIn::start().await;
    let (inbox, url) = Inbox::open(0).await;
    stand_in.server.set_webhook(url, SECRET);
    let reorder = Fault::once(FaultKind::WebhookReorder);
    stand_in.server.inject(reorder.clone());
    let (first, second) = (stand_in.paid().await, stand_in.paid().await);
    let events = inbox.events(2).await;
    assert_eq!(intents(&events), [second.id.as_str(), first.id.as_str()]);

    stand_in.server.inject(reorder);
    let alone = stand_in.paid().await;
    let events = inbox.events(3).await;
    assert_eq!(intents(&events[2..]), [alone.id.as_str()]);
}

#[tokio::test]
async fn events_are_duplicated_and_delayed_on_demand() {
    let stand_in = StandIn::start().await;
    let (inbox, url) = Inbox::open(0).await;
    stand_in.server.set_webhook(url, SECRET);
    stand_in
        .server
        .inject(Fault::once(FaultKind::WebhookDuplicate).on("payment_intent."));
    stand_in.paid().await;
    let events = inbox.events(2).await;
    assert_eq!(events[0].id, events[1].id);
    let delay = FaultKind::WebhookDelay { milliseconds: 200 };
    stand_in.server.inject(Fault::once(delay));
    let before = std::time::Instant::now();
    stand_in.paid().await;
    assert_eq!(inbox.events(3).await.len(), 3);
    assert!(before.elapsed().as_millis() >= 200);
}

#[tokio::test]
async fn the_target_is_set_over_http_and_events_can_be_read_back() {
    let stand_in = StandIn::start().await;
    stand_in.paid().await;
    let (inbox, url) = Inbox::open(0).await;
    let target = json!({ "url": url, "secret": SECRET });
    let set = stand_in
        .http
        .put(stand_in.url("/_stand-in/webhook"))
        .json(&target);
    assert_eq!(set.send().await.unwrap().status(), 204);
    stand_in.paid().await;
    let events = inbox.events(1).await;
    let listed = stand_in
        .get("/v1/events?type=payment_intent.succeeded")
        .await
        .json;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let event = stand_in
        .get(&format!("/v1/events/{}", events[0].id))
        .await
        .json;
    assert_eq!(event["id"], listed["data"][0]["id"]);
    miniserde::json::from_str::<stripe_shared::Event>(&event.to_string()).expect("Stripe's shape");
}

#[tokio::test]
async fn a_dispute_sends_events_from_its_opening_to_its_end() {
    let stand_in = StandIn::start().await;
    let (inbox, url) = Inbox::open(0).await;
    let (lost, won) = (stand_in.paid().await, stand_in.paid().await);
    stand_in.server.set_webhook(url, SECRET);
    for (intent, is_won) in [(&lost, false), (&won, true)] {
        let dispute = stand_in.server.open_dispute(intent.id.as_str()).unwrap();
        assert!(stand_in.server.close_dispute(&dispute, is_won));
    }
    let events = inbox.events(7).await;
    let expected = [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ];
    assert_eq!(types(&events), expected);
    let EventObject::ChargeDisputeClosed(dispute) = &events[2].data.object else {
        panic!("a dispute: {:?}", events[2]);
    };
    assert_eq!(dispute.status, stripe_shared::DisputeStatus::Lost);
    assert_eq!(dispute.amount, PRICE);
}
