//! An order that can be paid: the countdown, the card form and the outcome.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::Event;

use super::clock::{URGENT, WARNINGS, minutes, now, server_offset};
use super::element::{attribute, find, focus, number, set_attribute, set_text};
use super::json::Json;
use super::live::{Interest, listen};
use super::payment::pay;
use super::stripe::CardForm;

/// How often the countdown is updated.
const TICK: Duration = Duration::from_millis(250);

const NO_FORM: &str =
    "The card form did not load. Please reload the page. Your ticket stays reserved.";

const DESK: &str = "#desk";

/// Wraps `#desk`. Its `data-state` is the state of the order: `open`; `charged` or `over` while the order's own state
/// is about to change; finally `paid`, `cancelled`, `refunded`, `expired` or `withdrawn`. Its other attributes are the
/// order's `data-order` (id), `data-version` and `data-expires`, the server's time of rendering in `data-now` (both in
/// milliseconds since 1970), and Stripe's publishable key in `data-key`.
#[island]
pub fn OrderDesk(
    /// The desk.
    children: Children,
) -> impl IntoView {
    let (announcement, announce) = signal("");
    Effect::new(move |_| {
        // An order in a final state has no `data-order`.
        if let Some(order) = attribute(DESK, "data-order") {
            follow(&order);
            count_down(announce);
            accept_payment(order);
        }
    });
    view! {
        {children()}
        <p class="sr" role="status">
            {move || announcement.get()}
        </p>
    }
}

/// Shows another state, and moves the focus to its heading for keyboards and screen readers.
fn show(state: &str) {
    if attribute(DESK, "data-state").as_deref() != Some(state) {
        set_attribute(DESK, "data-state", Some(state));
        focus(&["[data-when=", state, "] h2"].concat());
    }
}

fn is_open() -> bool {
    attribute(DESK, "data-state").as_deref() == Some("open")
}

/// Follows the order's event stream until its final state.
fn follow(order: &str) {
    let known = Cell::new(number(DESK, "data-version").unwrap_or_default());
    let on_event = move |_: &str, data: &str| {
        let Some(order) = Json::parse(data) else {
            return Interest::Remains;
        };
        let version = order.number("version", 1.0).unwrap_or_default();
        if version < known.get() {
            return Interest::Remains;
        }
        known.set(version);
        match final_state(&order) {
            Some(state) => {
                show(state);
                Interest::Ends
            }
            None => Interest::Remains,
        }
    };
    let path = ["/api/orders/", order, "/stream"].concat();
    // The stream starts with the current state of the order.
    let last_event = String::new();
    listen(path, last_event, &["order"], RwSignal::new(false), on_event);
}

/// The order's final state, if it has reached one.
fn final_state(order: &Json) -> Option<&'static str> {
    match order.text("status")?.as_str() {
        "complete" => Some("paid"),
        "cancelled" => Some(match order.text("reason").as_deref() {
            Some("owner") => "cancelled",
            Some("refunded") => "refunded",
            Some(_) => "expired",
            None => "withdrawn",
        }),
        _ => None,
    }
}

/// Shows the remaining time by the server's clock, and announces the [`WARNINGS`].
fn count_down(announce: WriteSignal<&'static str>) {
    let (Some(expires), Some(rendered)) = (number(DESK, "data-expires"), number(DESK, "data-now"))
    else {
        return;
    };
    let offset = server_offset(rendered);
    let before = Cell::new(expires - rendered);
    let tick = move || {
        let left = expires - now(offset);
        let before = before.replace(left);
        if minutes(left) != minutes(before) {
            set_text("#left", &minutes(left));
        }
        if left <= URGENT {
            set_attribute("#countdown", "data-urgent", Some(""));
        }
        let passed = |mark: i64| before > mark && left <= mark;
        if let Some((_, warning)) = WARNINGS.iter().find(|(mark, _)| passed(*mark)) {
            announce.set(warning);
        }
        if left <= 0 && is_open() {
            show("over");
        }
    };
    tick();
    // Without a timer the page still follows the stream.
    let _ = set_interval_with_handle(tick, TICK);
}

/// Shows Stripe's card form, and pays when it is submitted.
fn accept_payment(order: String) {
    let Some(form) = find("#pay") else {
        return;
    };
    let key = attribute(DESK, "data-key").unwrap_or_default();
    let Some(card) = CardForm::mount(&key, "#card", prefers_dark()) else {
        return set_text("#pay-fault", NO_FORM);
    };
    let card = Rc::new(card);
    let (busy, order) = (Rc::new(Cell::new(false)), Rc::new(order));
    let price = find("#pay-button").and_then(|button| button.text_content());
    let price = Rc::new(price.unwrap_or_default());
    let submit = Closure::<dyn Fn(Event)>::new(move |event: Event| {
        event.prevent_default();
        // Ignores the second click of a double click.
        if busy.replace(true) {
            return;
        }
        set_text("#pay-fault", "");
        set_text("#pay-button", "Paying…");
        set_attribute("#pay-button", "aria-disabled", Some("true"));
        let (card, order, busy, price) = (card.clone(), order.clone(), busy.clone(), price.clone());
        leptos::task::spawn_local(async move {
            let outcome = match card.token().await {
                Ok(token) => pay(&token, &order).await,
                Err(reason) => Err(reason),
            };
            match outcome {
                // The stream may have reported the final state already.
                Ok(()) if is_open() => show("charged"),
                Ok(()) => {}
                Err(reason) => set_text("#pay-fault", &reason),
            }
            set_text("#pay-button", &price);
            set_attribute("#pay-button", "aria-disabled", None);
            busy.set(false);
        });
    });
    // It cannot fail for an element.
    let _ = form.add_event_listener_with_callback("submit", submit.as_ref().unchecked_ref());
    submit.forget();
}

fn prefers_dark() -> bool {
    let dark = window().match_media("(prefers-color-scheme: dark)");
    dark.ok().flatten().is_some_and(|query| query.matches())
}
