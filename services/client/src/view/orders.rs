//! One's orders, and one of them.

use common::OrderStatus;
use leptos::prelude::*;

use super::more;
use crate::islands::{OrderDesk, OrderItem, dollars, hue};

/// `/orders`
pub(crate) fn orders(orders: Vec<OrderItem>, next: Option<String>) -> impl IntoView {
    let none = orders.is_empty();
    view! {
        <section class="list">
            <h1>"Orders"</h1>
            {none.then(|| view! {
                <div class="empty">
                    <h2>"No orders yet"</h2>
                    <p>"When you buy a ticket it is kept here, paid or not."</p>
                    <p class="actions"><a class="button" href="/">"See what is for sale"</a></p>
                </div>
            })}
            <ul class="rows">
                {orders.into_iter().map(row).collect_view()}
            </ul>
            {more(next)}
        </section>
    }
}

fn row(order: OrderItem) -> impl IntoView {
    let (class, state) = match order.state.status {
        OrderStatus::Created | OrderStatus::AwaitingPayment => ("badge held", "To be paid"),
        OrderStatus::Complete => ("badge yours", "Paid"),
        OrderStatus::Cancelled => ("badge over", "Cancelled"),
    };
    view! {
        <li>
            <a href=format!("/orders/{}", order.id)>
                <span class="row-title">{order.title}</span>
                <span class=class>{state}</span>
                <span class="price">{dollars(order.price)}</span>
            </a>
        </li>
    }
}

/// `/orders/{id}`; `deadline` is the time of day until which it can be paid, `now` the server's clock.
pub(crate) fn order(
    order: OrderItem,
    deadline: String,
    now: i64,
    stripe_key: String,
    refusal: Option<String>,
) -> impl IntoView {
    let active = order.state.status.is_active();
    let cancel = format!("/orders/{}/cancel", order.id);
    let class = format!("order {}", hue(&order.ticket));
    view! {
        <article class=class>
            <header class="order-head">
                <p class="eyebrow">"Your order"</p>
                <h1>{order.title.clone()}</h1>
                <p class="price big">{dollars(order.price)}</p>
            </header>
            {refusal.map(|reason| view! { <div class="notice bad" role="alert"><p>{reason}</p></div> })}
            {active.then(|| view! {
                <noscript>
                    <div class="notice">
                        <p>
                            "It is reserved for you until " {deadline} ". Card numbers are typed into Stripe's own form, which needs JavaScript: switch it on for this page, or sign in and pay on another device. This page looks every ten seconds whether it is paid."
                        </p>
                    </div>
                </noscript>
            })}
            <OrderDesk order rendered_at=now stripe_key />
            {active.then(|| view! {
                <form class="give-up" method="post" action=cancel>
                    <button class="quiet">"Cancel this order"</button>
                </form>
            })}
        </article>
    }
}
