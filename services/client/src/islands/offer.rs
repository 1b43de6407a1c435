//! The live offer on a ticket's page.

use leptos::prelude::*;

use super::element::{attribute, number, set_attribute, set_text};
use super::http;
use super::live::{Interest, listen};
use super::money::dollars;
use super::ticket::Ticket;

/// Wraps `#offer`. Its `data-state` is `free`, `taken`, `own` if the visitor's order holds the ticket, or `gone` once
/// it is withdrawn. Its other attributes are the ticket's `data-ticket` (id), `data-version` and `data-price` (cents),
/// the latest event that it reflects in `data-place`, and the visitor's order in `data-own`. The buy form sends the
/// displayed price from `#shown-price` (cents).
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
                // Events were missed, so the ticket is fetched.
                let (id, path) = (id.clone(), path.clone());
                leptos::task::spawn_local(async move {
                    match http::get(&path).await {
                        Some(answer) if answer.status == 404 => show("gone", set_note),
                        Some(answer) => refresh(&id, &answer.text, set_note),
                        None => {}
                    }
                });
            } else {
                refresh(&id, data, set_note);
            }
            Interest::Remains
        };
        let last_event = attribute(OFFER, "data-place").unwrap_or_default();
        let (path, names) = ("/api/tickets/stream".to_owned(), &["ticket", "reset"]);
        listen(path, last_event, names, RwSignal::new(false), on_event);
    });
    view! {
        {children()}
        <p class="note" role="status">
            {move || note.get()}
        </p>
    }
}

const OFFER: &str = "#offer";

/// Updates the page, if this is a newer version of its ticket.
fn refresh(id: &str, json: &str, note: WriteSignal<String>) {
    let Some(ticket) = Ticket::read(json).filter(|ticket| ticket.id == id) else {
        return;
    };
    let known = number(OFFER, "data-version").unwrap_or_default();
    if ticket.version <= known {
        return;
    }
    set_text("#ticket-title", &ticket.title);
    set_text("#ticket-price", &dollars(ticket.price));
    let old_price = number(OFFER, "data-price");
    let own = attribute(OFFER, "data-own");
    let state = if ticket.withdrawn {
        "gone"
    } else {
        state(ticket.order.is_some(), ticket.order == own)
    };
    let set = |name, value: &str| set_attribute(OFFER, name, Some(value));
    set("data-version", &ticket.version.to_string());
    set("data-price", &ticket.price.to_string());
    set_attribute("#shown-price", "value", Some(&ticket.price.to_string()));
    if let Some(old) = old_price.filter(|old| *old != ticket.price) {
        note.set(repriced(old, ticket.price));
    }
    show(state, note);
}

/// Shows another state, with a note about it.
fn show(state: &'static str, note: WriteSignal<String>) {
    if attribute(OFFER, "data-state").as_deref() != Some(state) {
        set_attribute(OFFER, "data-state", Some(state));
        note.set(note_for(state).to_owned());
    }
}

/// The `data-state` of a ticket that is not withdrawn.
#[must_use]
pub fn state(taken: bool, own: bool) -> &'static str {
    match (taken, own) {
        (false, _) => "free",
        (true, false) => "taken",
        (true, true) => "own",
    }
}

fn note_for(state: &str) -> &'static str {
    match state {
        "free" => "It is for sale again.",
        "gone" => "The seller has just withdrawn it.",
        _ => "It was reserved just now.",
    }
}

fn repriced(old: i64, new: i64) -> String {
    let (old, new) = (dollars(old), dollars(new));
    [
        "The seller changed the price from ",
        &old,
        " to ",
        &new,
        ".",
    ]
    .concat()
}
