//! The list of orders and the page of an order.

use common::api::orders::OrderView;
use leptos::prelude::*;

use super::item::{hue, stage, version};
use super::list::{Empty, Row, list};
use crate::islands::{OrderDesk, dollars, minutes};

/// `/orders`
pub(crate) fn orders(orders: &[OrderView], next: Option<String>) -> impl IntoView + use<> {
    const EMPTY: Empty = Empty {
        title: "No orders yet",
        text: "The tickets you buy will appear here.",
        href: "/",
        action: "See what is for sale",
    };
    let rows = orders.iter().map(row).collect();
    list("Orders", rows, &EMPTY, next)
}

fn row(order: &OrderView) -> Row {
    Row {
        href: format!("/orders/{}", order.id),
        title: order.ticket.title.to_string(),
        state: match stage(order) {
            "open" => ("held", "To be paid"),
            "paid" => ("yours", "Paid"),
            "cancelled" => ("over", "Cancelled"),
            "refunded" => ("over", "Refunded"),
            "withdrawn" => ("over", "Withdrawn"),
            _ => ("over", "Expired"),
        },
        price: dollars(order.ticket.price.cents()),
    }
}

/// The data of an order's page.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) order: OrderView,
    /// The time of day until which the order can be paid.
    pub(crate) deadline: String,
    /// The server's time, in milliseconds since 1970.
    pub(crate) now: i64,
    pub(crate) stripe_key: String,
    /// Why a cancellation was refused.
    pub(crate) refusal: Option<String>,
}

/// `/orders/{id}`
pub(crate) fn order(desk: Desk) -> impl IntoView {
    let order = &desk.order;
    let id = order.id.to_string();
    let class = format!("order {}", hue(&order.ticket.id.to_string()));
    let (title, price) = (
        order.ticket.title.to_string(),
        dollars(order.ticket.price.cents()),
    );
    view! {
        <article class=class>
            <p class="eyebrow">"Your order"</p>
            <h1>{title}</h1>
            <p class="price big">{price.clone()}</p>
            <p class="hint">"Order number " <span class="number">{id.clone()}</span></p>
            {desk.refusal.clone().map(|reason| view! { <div class="notice bad" role="alert"><p>{reason}</p></div> })}
            {if order.status.is_active() { open(desk, id, price).into_any() } else { settled(order).into_any() }}
        </article>
    }
}

/// An order in a final state. It needs no island.
fn settled(order: &OrderView) -> impl IntoView + use<> {
    let stage = stage(order);
    let ticket = order.ticket.id.to_string();
    view! {
        <div class="desk states" data-state=stage>{endings(&ticket)}</div>
    }
}

fn open(desk: Desk, id: String, price: String) -> impl IntoView {
    let Desk {
        order,
        deadline,
        now,
        stripe_key,
        ..
    } = desk;
    let expires = order.expires_at.milliseconds();
    let cancel = format!("/orders/{id}/cancel");
    let ticket = order.ticket.id.to_string();
    view! {
        <noscript>
            <div class="notice">
                <p>
                    "It is reserved for you until " {deadline} ". The card form needs JavaScript: turn it on for this page, or sign in and pay on another device. This page checks every ten seconds whether your order is paid."
                </p>
            </div>
        </noscript>
        <OrderDesk>
            <div
                class="desk states"
                id="desk"
                data-state="open"
                data-order=id
                data-version=version(order.version)
                data-expires=expires
                data-now=now
                data-key=stripe_key
            >
                <div class="countdown" id="countdown" data-when="open">
                    <p class="left" role="timer">
                        <span class="digits" id="left">{minutes(expires - now)}</span>
                        " left to pay"
                    </p>
                </div>
                <form class="pay" id="pay" data-when="open">
                    <h2>"Pay by card"</h2>
                    <div id="card" class="card-form"></div>
                    <p class="fault" id="pay-fault" role="alert"></p>
                    <button class="wide" id="pay-button">{format!("Pay {price}")}</button>
                </form>
                <form class="give-up" data-when="open" method="post" action=cancel>
                    <button class="quiet">"Cancel this order"</button>
                </form>
                {outcome("charged", "waiting", "Payment received", "Writing your name on the ticket…", ())}
                {outcome("over", "waiting", "Time is up", "Releasing the ticket…", ())}
                {endings(&ticket)}
            </div>
        </OrderDesk>
    }
}

/// The final states of an order.
fn endings(ticket: &str) -> impl IntoView + use<> {
    const GIVEN_UP: &str =
        "You cancelled this order. If your card was still charged, you get your money back.";
    const EXPIRED: &str = "The time to pay ran out, so the ticket is for sale again. If your card was still charged, you get your money back.";
    const REFUNDED: &str = "Your money is on its way back to your card. This takes a few days. The ticket is for sale again.";
    const WITHDRAWN: &str = "The seller took the ticket off sale just as you ordered it. If your card was charged, you get your money back.";
    let all = view! { <a class="button" href="/orders">"All your orders"</a> };
    let find = view! { <a class="button" href="/">"Find another"</a> };
    view! {
        {outcome("paid", "good", "It is yours", "Your ticket is paid for. Enjoy!", all)}
        {outcome("cancelled", "over", "Cancelled", GIVEN_UP, again(ticket))}
        {outcome("expired", "over", "Expired", EXPIRED, again(ticket))}
        {outcome("refunded", "over", "Refunded", REFUNDED, again(ticket))}
        {outcome("withdrawn", "over", "No longer for sale", WITHDRAWN, find)}
    }
}

fn outcome<V: IntoView + 'static>(
    when: &'static str,
    kind: &'static str,
    title: &'static str,
    text: &'static str,
    actions: V,
) -> impl IntoView {
    view! {
        <div class=format!("outcome {kind}") data-when=when>
            <h2 tabindex="-1">{title}</h2>
            <p>{text}</p>
            <p class="actions">{actions}</p>
        </div>
    }
}

fn again(ticket: &str) -> impl IntoView + use<> {
    view! {
        <a class="button" href=format!("/tickets/{ticket}")>"Look at the ticket again"</a>
        <a class="button second" href="/">"Find another"</a>
    }
}
