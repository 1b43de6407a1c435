//! What is for sale: search, order, the grid, and the way to the next page.

use common::api::tickets::TicketView;
use leptos::prelude::*;

use super::item::{hue, version};
use crate::islands::{TicketGrid, dollars};

/// The front page's state, all of which is in its address.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) tickets: Vec<TicketView>,
    /// What is searched for, as it was typed.
    pub(crate) search: String,
    pub(crate) sort: Sort,
    /// This page's own address.
    pub(crate) here: String,
    /// The first page's, if this is not the first.
    pub(crate) first: Option<String>,
    /// The next page's, if there is one.
    pub(crate) next: Option<String>,
}

/// In which order tickets are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    Newest,
    Cheapest,
    Dearest,
}

impl Sort {
    const ALL: [Self; 3] = [Self::Newest, Self::Cheapest, Self::Dearest];

    /// As the API and our own address have it.
    pub(crate) const fn parameter(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Cheapest => "price",
            Self::Dearest => "-price",
        }
    }

    /// The order of this parameter; the usual one if it is none.
    pub(crate) fn of(parameter: &str) -> Self {
        let named = Self::ALL.into_iter();
        let mut named = named.filter(|sort| sort.parameter() == parameter);
        named.next().unwrap_or_default()
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Newest => "Newest first",
            Self::Cheapest => "Price: low to high",
            Self::Dearest => "Price: high to low",
        }
    }
}

/// `/`
pub(crate) fn shelf(shelf: Shelf) -> impl IntoView {
    let Shelf {
        tickets,
        search,
        sort,
        here,
        first,
        next,
    } = shelf;
    let searched = !search.is_empty();
    let words: Vec<_> = search.split_whitespace().map(str::to_lowercase).collect();
    let words = words.join(" ");
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
                {Sort::ALL
                    .into_iter()
                    .map(|option| {
                        view! {
                            <option value=option.parameter() selected=option == sort>
                                {option.label()}
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
            {none.then(|| empty(searched))}
            <TicketGrid search=words here>
                <ul class="grid">{tickets.into_iter().map(card).collect_view()}</ul>
            </TicketGrid>
            <nav class="pages" aria-label="Pages">
                {first.map(|href| view! { <a class="button second" href=href>"Back to the start"</a> })}
                {next.map(|href| view! { <a class="button second" href=href rel="next">"More tickets"</a> })}
            </nav>
        </section>
    }
}

/// A ticket to be torn off. The island finds its parts by their classes.
fn card(ticket: TicketView) -> impl IntoView {
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

fn empty(searched: bool) -> impl IntoView {
    let (title, text) = if searched {
        (
            "No ticket by that name",
            "Try fewer or other words. New tickets show up here as they come.",
        )
    } else {
        (
            "Nothing for sale right now",
            "Every seat is taken. Be the first to offer one; it takes a minute.",
        )
    };
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            <p class="actions">
                <a class="button" href="/tickets/new">"Sell a ticket"</a>
            </p>
        </div>
    }
}
