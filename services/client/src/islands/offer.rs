//! What can be done with a ticket, as long as that is so.

use leptos::prelude::*;

use super::element::{attribute, number, set_attribute, set_text};
use super::http;
use super::live::{Interest, listen};
use super::money::dollars;
use super::ticket_news::TicketNews;

/// Around `#offer`, which shows what is offered in its `data-state`: `free`, `taken`, `own` if the visitor's own order
/// holds the ticket, or `gone` once it was withdrawn. It says which ticket in `data-ticket`, `data-version` and
/// `data-price` (cents), after which event it was rendered in `data-place`, and the visitor's order in `data-own`. What
/// buys it sends the price that is shown, from `#shown-price` (cents).
#[island]
pub fn TicketOffer(
    /// The offer.
    children: Children,
) -> impl IntoView {
    let (note, set_note) = signal(String::new());
    Effect::new(move |_| {
        let Some(id) = attribute(OFFER, "data-ticket") else {
            return;
        };
        let path = ["/api/tickets/", &id].concat();
        let on_event = move |name: &str, data: &str| {
            if name == "reset" {
                // The stream cannot tell what was missed, so the ticket itself is asked for.
                let (id, path) = (id.clone(), path.clone());
                leptos::task::spawn_local(async move {
                    match http::get(&path).await {
                        Some(answer) if answer.status == 404 => turn_to("gone", set_note),
                        Some(answer) => refresh(&id, &answer.text, set_note),
                        None => {}
                    }
                });
            } else {
                refresh(&id, data, set_note);
            }
            Interest::Remains
        };
        let last = attribute(OFFER, "data-place").unwrap_or_default();
        let (path, names) = ("/api/tickets/stream".to_owned(), &["ticket", "reset"]);
        listen(path, last, names, RwSignal::new(false), on_event);
    });
    view! {
        {children()}
        <p class="note" role="status">
            {move || note.get()}
        </p>
    }
}

const OFFER: &str = "#offer";

/// Shows what is new about the ticket, if it is this one and it is new.
fn refresh(id: &str, json: &str, note: WriteSignal<String>) {
    let Some(news) = TicketNews::read(json).filter(|news| news.id == id) else {
        return;
    };
    let known = number(OFFER, "data-version").unwrap_or_default();
    if news.version <= known {
        return;
    }
    set_text("#ticket-title", &news.title);
    set_text("#ticket-price", &dollars(news.price));
    let before = number(OFFER, "data-price");
    let own = attribute(OFFER, "data-own");
    let now = if news.withdrawn {
        "gone"
    } else {
        state(news.order.is_some(), news.order == own)
    };
    let set = |name, value: &str| set_attribute(OFFER, name, Some(value));
    set("data-version", &news.version.to_string());
    set("data-price", &news.price.to_string());
    set_attribute("#shown-price", "value", Some(&news.price.to_string()));
    if let Some(price) = before.filter(|price| *price != news.price) {
        note.set(repriced(price, news.price));
    }
    turn_to(now, note);
}

/// Shows another state, with a word about it.
fn turn_to(now: &'static str, note: WriteSignal<String>) {
    if attribute(OFFER, "data-state").as_deref() != Some(now) {
        set_attribute(OFFER, "data-state", Some(now));
        note.set(moved(now).to_owned());
    }
}

/// What a ticket's offer is called that is held, or held by the visitor.
#[must_use]
pub fn state(taken: bool, own: bool) -> &'static str {
    match (taken, own) {
        (false, _) => "free",
        (true, false) => "taken",
        (true, true) => "own",
    }
}

fn moved(now: &str) -> &'static str {
    match now {
        "free" => "It is for sale again.",
        "gone" => "The seller has just withdrawn it.",
        _ => "It was reserved just now.",
    }
}

fn repriced(before: i64, now: i64) -> String {
    let (before, now) = (dollars(before), dollars(now));
    [
        "The seller changed the price from ",
        &before,
        " to ",
        &now,
        ".",
    ]
    .concat()
}
