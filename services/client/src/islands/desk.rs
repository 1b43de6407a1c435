//! An order that can still be paid, until it cannot: the countdown, the card form, and what comes of it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::Event;

use super::clock::{URGENT, WARNINGS, lead_of_server, minutes, now};
use super::element::{attribute, find, focus, number, set_attribute, set_text};
use super::json::Json;
use super::live::{Interest, listen};
use super::payment::pay;
use super::stripe::CardForm;

/// How often the countdown looks at the clock.
const TICK: Duration = Duration::from_millis(250);

const NO_FORM: &str =
    "The card form could not be loaded. Please reload the page; your reservation stands.";

const DESK: &str = "#desk";

/// Around `#desk`, which shows in its `data-state` where the order is: `open`, `charged` (the order does not know yet),
/// `over` (likewise), and in the end `paid`, `cancelled`, `refunded`, `expired` or `withdrawn`. It says of the order its `data-order`,
/// `data-version` and `data-expires`, in `data-now` the server's clock when it rendered this (both in milliseconds
/// since 1970), and in `data-key` what names our account to Stripe.
#[island]
pub fn OrderDesk(
    /// The desk.
    children: Children,
) -> impl IntoView {
    let (said, say) = signal("");
    Effect::new(move |_| {
        // A settled order has no number on its desk, and nothing more can become of it.
        if let Some(order) = attribute(DESK, "data-order") {
            follow(&order);
            count_down(say);
            take_cards(order);
        }
    });
    view! {
        {children()}
        <p class="sr" role="status">
            {move || said.get()}
        </p>
    }
}

/// Shows another state. As the content changes by itself, the keyboard and the screen reader are taken along.
fn turn_to(state: &str) {
    if attribute(DESK, "data-state").as_deref() != Some(state) {
        set_attribute(DESK, "data-state", Some(state));
        focus(&["[data-when=", state, "] h2"].concat());
    }
}

fn is_open() -> bool {
    attribute(DESK, "data-state").as_deref() == Some("open")
}

/// Shows what the server tells of the order.
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
            Some(last) => {
                turn_to(last);
                Interest::Ends
            }
            None => Interest::Remains,
        }
    };
    let path = ["/api/orders/", order, "/stream"].concat();
    // The stream begins with the order as it is.
    let last = String::new();
    listen(path, last, &["order"], RwSignal::new(false), on_event);
}

/// What the order has come to, if it has.
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

/// Shows on the server's clock how much time remains, with a word at each of the [`WARNINGS`], until none does.
fn count_down(say: WriteSignal<&'static str>) {
    let (Some(expires), Some(rendered)) = (number(DESK, "data-expires"), number(DESK, "data-now"))
    else {
        return;
    };
    let lead = lead_of_server(rendered);
    let before = Cell::new(expires - rendered);
    let tick = move || {
        let left = expires - now(lead);
        let before = before.replace(left);
        if minutes(left) != minutes(before) {
            set_text("#left", &minutes(left));
        }
        if left <= URGENT {
            set_attribute("#countdown", "data-urgent", Some(""));
        }
        let passed = |mark: i64| before > mark && left <= mark;
        if let Some((_, warning)) = WARNINGS.iter().find(|(mark, _)| passed(*mark)) {
            say.set(warning);
        }
        if left <= 0 && is_open() {
            turn_to("over");
        }
    };
    tick();
    // Without a timer the page still shows what the stream tells.
    let _ = set_interval_with_handle(tick, TICK);
}

/// Puts Stripe's form on the page, and pays with what is typed into it when the form is sent.
fn take_cards(order: String) {
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
                Ok(()) if is_open() => turn_to("charged"),
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
