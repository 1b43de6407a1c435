//! The live grid of tickets for sale.

use std::cell::RefCell;

use leptos::prelude::*;

use super::element;
use super::live::{Interest, listen};
use super::money::dollars;
use super::ticket::Ticket;

/// Wraps `#shelf`. Its attributes are the search in `data-search` and the latest event that it reflects in
/// `data-place`. Its cards have a `data-ticket` (id) and `data-version`. New tickets are counted but not inserted, so
/// that nothing moves under the visitor's finger.
#[island]
pub fn TicketGrid(
    /// The shelf.
    children: Children,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let (news, set_news) = signal(String::new());
    let (announcement, announce) = signal(String::new());
    Effect::new(move |_| {
        let search = element::attribute("#shelf", "data-search").unwrap_or_default();
        let new_tickets = RefCell::new(Vec::new());
        let on_event = move |name: &str, data: &str| {
            match Ticket::read(data) {
                Some(ticket) if name == "ticket" => {
                    if let Some(sentence) = refresh(&ticket) {
                        announce.set(sentence);
                    } else if element::find(&card(&ticket)).is_none() {
                        let mut new_tickets = new_tickets.borrow_mut();
                        count(ticket, &search, &mut new_tickets);
                        set_news.set(headline(new_tickets.len()));
                    }
                }
                _ => set_news.set("The list has changed. Show it".to_owned()),
            }
            Interest::Remains
        };
        let last_event = element::attribute("#shelf", "data-place").unwrap_or_default();
        let (path, names) = ("/api/tickets/stream".to_owned(), &["ticket", "reset"]);
        listen(path, last_event, names, open, on_event);
    });
    view! {
        <div class="shelf-news">
            <p class="live" class:on=move || open.get()>
                "Live"
            </p>
            <p role="status">
                <a class="news" href="" hidden=move || news.with(String::is_empty)>
                    {move || news.get()}
                </a>
            </p>
            <p class="sr" role="status">
                {move || announcement.get()}
            </p>
        </div>
        {children()}
    }
}

/// The selector of the ticket's card.
fn card(ticket: &Ticket) -> String {
    ["[data-ticket='", &ticket.id, "']"].concat()
}

/// Updates a ticket's card. Returns a sentence for screen readers, if the change is worth it.
fn refresh(ticket: &Ticket) -> Option<String> {
    let selector = card(ticket);
    let shown = element::find(&selector)?;
    if ticket.version <= element::number(&selector, "data-version")? {
        return None;
    }
    let was_taken = shown.has_attribute("data-taken");
    let is_taken = ticket.order.is_some() || ticket.withdrawn;
    let part = |class: &str| [&selector, " ", class].concat();
    element::set_text(&part(".stub-title"), &ticket.title);
    element::set_text(&part(".price"), &dollars(ticket.price));
    let state = match (is_taken, ticket.withdrawn) {
        (_, true) => "Withdrawn",
        (true, false) => "Reserved",
        (false, false) => "For sale",
    };
    element::set_text(&part(".state"), state);
    let version = ticket.version.to_string();
    element::set_attribute(&selector, "data-version", Some(&version));
    element::set_attribute(&selector, "data-taken", is_taken.then_some(""));
    match (was_taken, is_taken) {
        (_, true) if ticket.withdrawn => Some([&ticket.title, " was withdrawn."].concat()),
        (false, true) => Some([&ticket.title, " was just reserved."].concat()),
        (true, false) => Some([&ticket.title, " is for sale again."].concat()),
        _ => None,
    }
}

/// Updates the list of tickets that a reloaded page would show in addition.
fn count(ticket: Ticket, search: &str, new_tickets: &mut Vec<String>) {
    new_tickets.retain(|id| *id != ticket.id);
    // The browser converts the case, since Rust's Unicode tables would enlarge the WASM.
    let title = js_sys::JsString::from(ticket.title).normalize("NFKC");
    let title = String::from(title.to_upper_case());
    let wanted = search.split(' ').all(|word| title.contains(word));
    if ticket.order.is_none() && !ticket.withdrawn && wanted {
        new_tickets.push(ticket.id);
    }
}

fn headline(new_tickets: usize) -> String {
    match new_tickets {
        0 => String::new(),
        1 => "1 new ticket. Show it".to_owned(),
        more => [&more.to_string(), " new tickets. Show them"].concat(),
    }
}
