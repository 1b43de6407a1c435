//! An order that can still be paid, until it cannot: the countdown, the card form, and what comes of it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::Event;

use super::clock::{WARNINGS, lead_of_server, minutes, now};
use super::element::{find, focus, set_attribute, set_text};
use super::json::Json;
use super::live::{Interest, listen};
use super::payment::pay;
use super::stripe::CardForm;

/// How often the countdown looks at the clock.
const TICK: Duration = Duration::from_millis(250);

const NO_FORM: &str =
    "The card form could not be loaded. Please reload the page; your reservation stands.";

/// Around what is shown for each `data-when` an order is in: `open`, `charged` (the order does not know yet), `over`
/// (likewise), and in the end `paid`, `cancelled` or `expired`.
#[island]
pub fn OrderDesk(
    /// The order's id.
    order: String,
    /// Its version.
    version: i64,
    /// Until when it can be paid, in milliseconds since 1970.
    expires_at: i64,
    /// The server's clock when it rendered this, in milliseconds since 1970.
    rendered_at: i64,
    /// Names our account to Stripe.
    stripe_key: String,
    /// What is shown.
    children: Children,
) -> impl IntoView {
    let stage = RwSignal::new("open");
    let remaining = RwSignal::new(expires_at - rendered_at);
    let (said, say) = signal("");
    Effect::new(move |_| {
        follow(&order, version, stage);
        count_down(expires_at, rendered_at, remaining, stage, say);
        take_cards(order.clone(), &stripe_key, stage);
    });
    // Where the content changes by itself, the keyboard and the screen reader are taken along.
    Effect::new(move |before: Option<&'static str>| {
        let now = stage.get();
        if before.is_some_and(|before| before != now) {
            focus(&["[data-when=", now, "] h2"].concat());
        }
        now
    });
    view! {
        <div class="states" data-state=move || stage.get()>
            <div class="countdown" data-when="open" class:urgent=move || remaining.get() <= WARNINGS[1].0>
                <p class="left" role="timer">
                    <span class="digits">{move || minutes(remaining.get())}</span>
                    " left to pay"
                </p>
                <p class="sr" role="status">
                    {move || said.get()}
                </p>
            </div>
            {children()}
        </div>
    }
}

/// Shows what the server tells of the order.
fn follow(order: &str, version: i64, stage: RwSignal<&'static str>) {
    let known = Cell::new(version);
    let on_event = move |_: &str, data: &str| {
        let Some(order) = Json::parse(data) else {
            return Interest::Remains;
        };
        let version = order.number("version", 1.0).unwrap_or_default();
        if version < known.get() {
            return Interest::Remains;
        }
        known.set(version);
        match final_stage(&order) {
            Some(last) => {
                stage.set(last);
                Interest::Ends
            }
            None => Interest::Remains,
        }
    };
    let path = ["/api/orders/", order, "/stream"].concat();
    listen(path, &["order"], RwSignal::new(false), on_event);
}

/// What the order has come to, if it has.
fn final_stage(order: &Json) -> Option<&'static str> {
    match order.text("status")?.as_str() {
        "complete" => Some("paid"),
        "cancelled" if order.text("reason").as_deref() == Some("owner") => Some("cancelled"),
        "cancelled" => Some("expired"),
        _ => None,
    }
}

/// Keeps `remaining` on the server's clock, with a word at each of the [`WARNINGS`], until the time is over.
fn count_down(
    expires_at: i64,
    rendered_at: i64,
    remaining: RwSignal<i64>,
    stage: RwSignal<&'static str>,
    say: WriteSignal<&'static str>,
) {
    let lead = lead_of_server(rendered_at);
    let tick = move || {
        let (before, left) = (remaining.get_untracked(), expires_at - now(lead));
        remaining.set(left);
        let passed = |mark: i64| before > mark && left <= mark;
        if let Some((_, warning)) = WARNINGS.iter().find(|(mark, _)| passed(*mark)) {
            say.set(warning);
        }
        if left <= 0 && stage.get_untracked() == "open" {
            stage.set("over");
        }
    };
    tick();
    // Without a timer the page still shows what the stream tells.
    let _ = set_interval_with_handle(tick, TICK);
}

/// Puts Stripe's form on the page, and pays with what is typed into it when the form is sent.
fn take_cards(order: String, stripe_key: &str, stage: RwSignal<&'static str>) {
    let Some(form) = find("#pay") else {
        return;
    };
    let Some(card) = CardForm::mount(stripe_key, "#card", prefers_dark()) else {
        return set_text("#pay-fault", NO_FORM);
    };
    let card = Rc::new(card);
    let (busy, order) = (Rc::new(Cell::new(false)), Rc::new(order));
    let price = find("#pay-button").and_then(|button| button.text_content());
    let price = Rc::new(price.unwrap_or_default());
    let submit = Closure::<dyn Fn(Event)>::new(move |event: Event| {
        event.prevent_default();
        // The second click of a double click.
        if busy.replace(true) {
            return;
        }
        set_text("#pay-fault", "");
        set_text("#pay-button", "Paying…");
        set_attribute("#pay-button", "aria-disabled", Some("true"));
        let (card, order, busy, price) = (card.clone(), order.clone(), busy.clone(), price.clone());
        leptos::task::spawn_local(async move {
            let paid = match card.token().await {
                Ok(token) => pay(&token, &order).await,
                Err(reason) => Err(reason),
            };
            match paid {
                // The stream may have been quicker.
                Ok(()) if matches!(stage.get_untracked(), "open" | "over") => stage.set("charged"),
                Ok(()) => {}
                Err(reason) => set_text("#pay-fault", &reason),
            }
            set_text("#pay-button", &price);
            set_attribute("#pay-button", "aria-disabled", None);
            busy.set(false);
        });
    });
    // It can only fail for what is no event target.
    let _ = form.add_event_listener_with_callback("submit", submit.as_ref().unchecked_ref());
    submit.forget();
}

fn prefers_dark() -> bool {
    let dark = window().match_media("(prefers-color-scheme: dark)");
    dark.ok().flatten().is_some_and(|query| query.matches())
}
