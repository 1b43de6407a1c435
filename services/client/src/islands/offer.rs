//! What can be done with a ticket, as long as that is so.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;

use super::element::set_text;
use super::live::{Interest, listen};
use super::money::dollars;
use super::ticket_news::TicketNews;
use super::http;

/// Around what is offered for each `data-when` a ticket is in: `free`, `taken`, or `own` if the visitor's own order
/// holds it.
#[island]
pub fn TicketOffer(
    /// The ticket's id.
    id: String,
    /// Its version.
    version: i64,
    /// Its price in cents.
    price: i64,
    /// Its `data-when`.
    state: String,
    /// The visitor's own order of it, which may hold it.
    own: Option<String>,
    /// What is offered.
    children: Children,
) -> impl IntoView {
    let state = RwSignal::new(state);
    let (note, set_note) = signal(String::new());
    Effect::new(move |_| {
        let (id, own) = (id.clone(), own.clone());
        let path = ["/api/tickets/", &id].concat();
        let (known, known_price) = (Cell::new(version), Cell::new(price));
        let apply = Rc::new(move |data: &str| {
            let Some(news) = TicketNews::read(data).filter(|news| news.id == id) else {
                return;
            };
            if news.version <= known.replace(known.get().max(news.version)) {
                return;
            }
            set_text("#ticket-title", &news.title);
            set_text("#ticket-price", &dollars(news.price));
            let now = state_of(&news, own.as_deref());
            let before = known_price.replace(news.price);
            if now != state.get_untracked() {
                set_note.set(moved(now).to_owned());
                state.set(now.to_owned());
            } else if before != news.price {
                set_note.set(repriced(before, news.price));
            }
        });
        let on_event = move |name: &str, data: &str| {
            if name == "reset" {
                // The stream cannot tell what was missed, so the ticket itself is asked for.
                let (path, apply) = (path.clone(), apply.clone());
                leptos::task::spawn_local(async move {
                    if let Some(answer) = http::get(&path).await {
                        apply(&answer.text);
                    }
                });
            } else {
                apply(data);
            }
            Interest::Remains
        };
        let (names, open) = (&["ticket", "reset"], RwSignal::new(false));
        listen("/api/tickets/stream".to_owned(), names, open, on_event);
    });
    view! {
        <div class="states" data-state=move || state.get()>
            {children()}
        </div>
        <p class="note" role="status">
            {move || note.get()}
        </p>
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

fn state_of(news: &TicketNews, own: Option<&str>) -> &'static str {
    let holder = news.order.as_deref();
    state(holder.is_some(), holder == own)
}

fn moved(now: &str) -> &'static str {
    if now == "free" {
        "It is for sale again."
    } else {
        "It was reserved just now."
    }
}

fn repriced(before: i64, now: i64) -> String {
    let (before, now) = (dollars(before), dollars(now));
    ["The seller changed the price from ", &before, " to ", &now, "."].concat()
}
