//! The front page: search, sort order and the grid of tickets for sale.

use common::api::tickets::{TicketSort, TicketView};
use common::search_key::search_key;
use leptos::prelude::*;

use super::item::{hue, version};
use super::list::{Empty, empty_list};
use crate::islands::{TicketGrid, dollars};

/// The data of the front page. Its URL contains all of the page's state.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) tickets: Vec<TicketView>,
    /// The latest event that the list reflects.
    pub(crate) last_event: Option<String>,
    /// The search, as the visitor typed it.
    pub(crate) search: String,
    pub(crate) sort: TicketSort,
    /// The URL of the first page, if this is not the first.
    pub(crate) first: Option<String>,
    /// The URL of the next page, if there is one.
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
        last_event,
        search,
        sort,
        first,
        next,
    } = shelf;
    let searched = !search.is_empty();
    // The island compares in upper case, since the browser and Rust agree on that.
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
            {none.then(|| empty_list(if searched { &NOT_FOUND } else { &NOTHING }))}
            <TicketGrid>
                <ul class="grid" id="shelf" data-search=words data-place=last_event>
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

/// A ticket's card. The island finds its parts by their classes.
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
    text: "Try fewer or different words. New tickets arrive all the time.",
    href: "/tickets/new",
    action: "Sell a ticket",
};

const NOTHING: Empty = Empty {
    title: "Nothing for sale right now",
    text: "Be the first to offer a ticket. It only takes a minute.",
    href: "/tickets/new",
    action: "Sell a ticket",
};
