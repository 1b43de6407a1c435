//! What is for sale: search, order, the grid, and the way to the next page.

use common::api::tickets::{TicketSort, TicketView};
use common::search_key::search_key;
use leptos::prelude::*;

use super::item::{hue, version};
use super::list::{Empty, nothing};
use crate::islands::{TicketGrid, dollars};

/// The front page's state, all of which is in its address.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) tickets: Vec<TicketView>,
    /// The event after which the list was so.
    pub(crate) place: Option<String>,
    /// What is searched for, as it was typed.
    pub(crate) search: String,
    pub(crate) sort: TicketSort,
    /// The first page's, if this is not the first.
    pub(crate) first: Option<String>,
    /// The next page's, if there is one.
    pub(crate) next: Option<String>,
}

const fn label(sort: TicketSort) -> &'static str {
    match sort {
        TicketSort::Newest => "Newest first",
        TicketSort::Cheapest => "Price: low to high",
        TicketSort::Dearest => "Price: high to low",
    }
}

/// `/`
pub(crate) fn shelf(shelf: Shelf) -> impl IntoView {
    let Shelf {
        tickets,
        place,
        search,
        sort,
        first,
        next,
    } = shelf;
    let searched = !search.is_empty();
    // The grid compares in upper case, which the browser makes of a title as this does of a word.
    let words: Vec<_> = search.split_whitespace().map(search_key).collect();
    let words = words.join(" ").to_uppercase();
    let none = tickets.is_empty() && first.is_none();
    view! {
        <section class="hero">
            <h1>"Tickets from people, for people"</h1>
            <p>"Find a seat somebody cannot use, or let yours go to someone who can."</p>
        </section>
        <form class="search" method="get" action="/" role="search">
            <label class="sr" for="q">
                "Search by title"
            </label>
            <input
                id="q"
                name="q"
                type="search"
                value=search.clone()
                maxlength="100"
                placeholder="Search by title"
                autocomplete="off"
            />
            <label class="sr" for="sort">
                "Order"
            </label>
            <select id="sort" name="sort">
                {TicketSort::ALL
                    .into_iter()
                    .map(|option| {
                        view! {
                            <option value=option.as_str() selected=option == sort>
                                {label(option)}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
            <button>"Search"</button>
        </form>
        <section class="shelf" aria-label=if searched { "Tickets found" } else { "Tickets for sale" }>
            {searched
                .then(|| {
                    view! {
                        <p class="found">
                            {if none { "Nothing for " } else { "Results for " }} <strong class="break">{search.clone()}</strong> " · "
                            <a href="/">"Show all"</a>
                        </p>
                    }
                })}
            {none.then(|| nothing(if searched { &NOT_FOUND } else { &NOTHING }))}
            <TicketGrid>
                <ul class="grid" id="shelf" data-search=words data-place=place>
                    {tickets.iter().map(card).collect_view()}
                </ul>
            </TicketGrid>
            <nav class="pages" aria-label="Pages">
                {first.map(|href| view! { <a class="button second" href=href>"Back to the start"</a> })}
                {next.map(|href| view! { <a class="button second" href=href rel="next">"More tickets"</a> })}
            </nav>
        </section>
    }
}

/// A ticket to be torn off. The island finds its parts by their classes.
fn card(ticket: &TicketView) -> impl IntoView + use<> {
    let id = ticket.id.to_string();
    let taken = ticket.order_id.is_some();
    view! {
        <li
            class=format!("stub {}", hue(&id))
            data-ticket=id.clone()
            data-version=version(ticket.version)
            data-taken=taken.then_some("")
        >
            <a href=format!("/tickets/{id}")>
                <span class="stub-title">{ticket.title.to_string()}</span>
                <span class="stub-tear">
                    <span class="price">{dollars(ticket.price.cents())}</span>
                    <span class="state">{if taken { "Reserved" } else { "For sale" }}</span>
                </span>
            </a>
        </li>
    }
}

const NOT_FOUND: Empty = Empty {
    title: "No ticket by that name",
    text: "Try fewer or other words. New tickets show up here as they come.",
    href: "/tickets/new",
    action: "Sell a ticket",
};

const NOTHING: Empty = Empty {
    title: "Nothing for sale right now",
    text: "Every seat is taken. Be the first to offer one; it takes a minute.",
    href: "/tickets/new",
    action: "Sell a ticket",
};
