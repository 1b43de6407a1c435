//! The grid of tickets for sale, in which what is reserved fades, and what returns comes back, as it happens.

use std::cell::RefCell;

use leptos::prelude::*;

use super::element;
use super::live::{Interest, listen};
use super::money::dollars;
use super::ticket_news::TicketNews;

/// Around `#shelf`, which says what is searched for in `data-search` and after which event it was rendered in
/// `data-place`, and holds cards that say which `data-ticket` and
/// `data-version` they show. Tickets that come to be for sale meanwhile are counted, not put in: nothing moves under
/// a finger.
#[island]
pub fn TicketGrid(
    /// The shelf.
    children: Children,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let (news, tell) = signal(String::new());
    let (said, say) = signal(String::new());
    Effect::new(move |_| {
        let search = element::attribute("#shelf", "data-search").unwrap_or_default();
        let newcomers = RefCell::new(Vec::new());
        let on_event = move |name: &str, data: &str| {
            match TicketNews::read(data) {
                Some(ticket) if name == "ticket" => {
                    if let Some(sentence) = refresh(&ticket) {
                        say.set(sentence);
                    } else if element::find(&card(&ticket)).is_none() {
                        let mut newcomers = newcomers.borrow_mut();
                        count(ticket, &search, &mut newcomers);
                        tell.set(headline(newcomers.len()));
                    }
                }
                _ => tell.set("There is news. Show it".to_owned()),
            }
            Interest::Remains
        };
        let last = element::attribute("#shelf", "data-place").unwrap_or_default();
        let (path, names) = ("/api/tickets/stream".to_owned(), &["ticket", "reset"]);
        listen(path, last, names, open, on_event);
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
                {move || said.get()}
            </p>
        </div>
        {children()}
    }
}

/// The selector of the ticket's card.
fn card(ticket: &TicketNews) -> String {
    ["[data-ticket='", &ticket.id, "']"].concat()
}

/// Shows what is new about a ticket on its card; a sentence about it, if it is worth saying aloud.
fn refresh(ticket: &TicketNews) -> Option<String> {
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

/// Keeps the list of tickets that the page does not show and a fresh one would.
fn count(ticket: TicketNews, search: &str, newcomers: &mut Vec<String>) {
    newcomers.retain(|id| *id != ticket.id);
    // By the browser: tables of letters weigh more than the rest of this file.
    let title = js_sys::JsString::from(ticket.title).normalize("NFKC");
    let title = String::from(title.to_upper_case());
    let wanted = search.split(' ').all(|word| title.contains(word));
    if ticket.order.is_none() && !ticket.withdrawn && wanted {
        newcomers.push(ticket.id);
    }
}

fn headline(newcomers: usize) -> String {
    match newcomers {
        0 => String::new(),
        1 => "1 new ticket. Show it".to_owned(),
        more => [&more.to_string(), " new tickets. Show them"].concat(),
    }
}
