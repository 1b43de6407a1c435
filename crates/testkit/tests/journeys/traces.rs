//! The trace of an order shows its whole way through the services.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use reqwest::Method;
use testkit::{Api, Collector, Fleet, FleetSettings, RecordedSpan, eventually_within};

use crate::{
    NO_EXPIRY, TIMEOUT, pay, sell, shopper, wait_for_holder, wait_for_status, with_settings,
};

/// Runs a journey in a new fleet whose services send all spans to a collector.
pub(crate) async fn with_collector(
    expiration: Duration,
    journey: impl AsyncFnOnce(&Fleet, &Collector),
) {
    let collector = Collector::start().await.unwrap();
    let mut environment = collector.variables();
    // These tests are about logs and traces, so the level must not depend on the caller's environment.
    environment.insert("RUST_LOG".to_owned(), "info".to_owned());
    let settings = FleetSettings {
        expiration,
        environment,
        ..FleetSettings::default()
    };
    with_settings(settings, async |fleet| journey(fleet, &collector).await).await;
}

/// Submits the form that buys the ticket, as a browser without scripts does. Returns the order.
async fn click_buy(buyer: &Api, ticket: &str) -> String {
    let form = buyer.request(Method::POST, &format!("/tickets/{ticket}/buy"));
    let answer = buyer.send(form).await;
    let page = answer.headers.get("location").map(|page| page.to_str());
    let order = page.and_then(|page| page.ok()?.strip_prefix("/orders/"));
    order
        .unwrap_or_else(|| panic!("no order: {answer:?}"))
        .to_owned()
}

/// The spans of one trace.
fn trace<'a>(spans: &'a [RecordedSpan], id: &str) -> Vec<&'a RecordedSpan> {
    spans.iter().filter(|span| span.trace == id).collect()
}

/// The root span of the click's trace, if it was received.
fn click<'a>(spans: &'a [RecordedSpan], ticket: &str) -> Option<&'a RecordedSpan> {
    let path = format!("/tickets/{ticket}/buy");
    let mut spans = spans.iter();
    spans.find(|span| span.attribute("url.path") == path && span.parent.is_none())
}

/// The root span of the order's expiry, if it was received.
fn expiry<'a>(spans: &'a [RecordedSpan], order: &str) -> Option<&'a RecordedSpan> {
    let mut spans = spans.iter();
    spans.find(|span| {
        span.name == "process expirations"
            && span.attribute("order.id") == order
            && !span.links.is_empty()
    })
}

/// The tree of a trace. Each kind of span appears once under its parent, because deliveries and attempts may repeat,
/// and Stripe also sends a webhook. Database operations are left out, because their number varies.
fn tree(spans: &[&RecordedSpan]) -> String {
    let mut tree = String::new();
    draw(spans, &|span| span.parent.is_none(), 0, &mut tree);
    tree
}

fn draw(
    spans: &[&RecordedSpan],
    is_here: &dyn Fn(&RecordedSpan) -> bool,
    depth: usize,
    tree: &mut String,
) {
    let mut here: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    let shown = spans
        .iter()
        .filter(|span| span.attribute("db.system.name").is_empty());
    for span in shown.filter(|span| is_here(span)) {
        let kind = (&span.service, &span.name, &span.kind);
        here.entry(kind).or_default().insert(&span.id);
    }
    for ((service, name, kind), ids) in here {
        let indent = "  ".repeat(depth);
        writeln!(tree, "{indent}{service}: {name} ({kind})").unwrap();
        let is_under = |span: &RecordedSpan| {
            let parent = span.parent.as_deref();
            parent.is_some_and(|parent| ids.contains(parent))
        };
        draw(spans, &is_under, depth + 1, tree);
    }
}

/// The trace of a click until the ticket is reserved.
const ORDER: &str = "\
client: POST /tickets/{id}/buy (Server)
  client: POST orders (Client)
    orders: POST /api/orders (Server)
      orders: publish order:created (Producer)
        expiration: process order:created (Consumer)
          expiration: send expirations (Producer)
        payments: process order:created (Consumer)
";

/// The spans that a payment adds, below the payments service's span for the order.
const PAYMENT: &str = "          payments: settle payment (Internal)
            payments: POST /v1/payment_intents (Client)
            payments: publish payment:created (Producer)
              orders: process payment:created (Consumer)
";

const RESERVED: &str = "        tickets: process order:created (Consumer)
          tickets: publish ticket:updated (Producer)
            orders: process ticket:updated (Consumer)
";

/// The trace of an order's expiry.
const EXPIRY: &str = "\
expiration: process expirations (Consumer)
  expiration: publish expiration:complete (Producer)
    orders: process expiration:complete (Consumer)
      orders: publish order:cancelled (Producer)
        payments: process order:cancelled (Consumer)
        tickets: process order:cancelled (Consumer)
          tickets: publish ticket:updated (Producer)
            orders: process ticket:updated (Consumer)
";

/// Waits until the trace of `root` has this tree. Returns all received spans.
async fn wait_for_tree(
    collector: &Collector,
    root: impl Fn(&[RecordedSpan]) -> Option<&RecordedSpan>,
    expected: &str,
) -> Vec<RecordedSpan> {
    eventually_within(TIMEOUT, "the trace is complete", async || {
        let spans = collector.spans();
        let id = root(&spans).map(|root| root.trace.clone());
        let tree = tree(&trace(&spans, id.as_deref().unwrap_or("none")));
        if tree == expected {
            Ok(())
        } else {
            Err(format!("{tree}instead of\n{expected}"))
        }
    })
    .await;
    collector.spans()
}

/// Whether a span of this name has a link to this span.
fn is_linked(spans: &[RecordedSpan], name: &str, to: &RecordedSpan) -> bool {
    let link = (to.trace.clone(), to.id.clone());
    let mut named = spans.iter().filter(|span| span.name == name);
    named.any(|span| span.links.contains(&link))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_shows_a_purchase_from_the_click_to_the_complete_order() {
    with_collector(NO_EXPIRY, async |fleet, collector| {
        let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
        let ticket = sell(&seller).await;
        let order = click_buy(&buyer, &ticket).await;
        wait_for_status(&buyer, &order, "awaiting:payment").await;
        assert_eq!(pay(&buyer, &order).await.status, 201);
        wait_for_status(&buyer, &order, "complete").await;
        let tree = [ORDER, PAYMENT, RESERVED].concat();
        let spans = wait_for_tree(collector, |spans| click(spans, &ticket), &tree).await;
        // The payment is another request with its own trace.
        let known = spans.iter().find(|span| {
            span.service == "payments"
                && span.name == "process order:created"
                && span.attribute("event.entity_id") == order
        });
        assert!(is_linked(&spans, "POST /api/payments", known.unwrap()));
        let delivered = spans
            .iter()
            .filter(|span| span.name.starts_with("process order:"));
        for span in delivered {
            assert!(span.attribute("event.delivery_count") >= "1", "{span:?}");
            assert_eq!(span.attribute("messaging.system"), "nats");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_an_expiry_links_to_its_order_and_shows_the_release() {
    with_collector(Duration::from_secs(3), async |fleet, collector| {
        let (seller, buyer) = (shopper(fleet).await, shopper(fleet).await);
        let ticket = sell(&seller).await;
        let order = click_buy(&buyer, &ticket).await;
        wait_for_holder(&buyer, &ticket, Some(&order)).await;
        wait_for_status(&buyer, &order, "cancelled").await;
        wait_for_holder(&buyer, &ticket, None).await;
        let ordered = [ORDER, RESERVED].concat();
        wait_for_tree(collector, |spans| click(spans, &ticket), &ordered).await;
        let spans = wait_for_tree(collector, |spans| expiry(spans, &order), EXPIRY).await;
        let scheduled = spans.iter().find(|span| {
            span.name == "send expirations"
                && click(&spans, &ticket).is_some_and(|click| click.trace == span.trace)
        });
        assert!(is_linked(&spans, "process expirations", scheduled.unwrap()));
    })
    .await;
}
