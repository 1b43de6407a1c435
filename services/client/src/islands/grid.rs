//! The grid of tickets for sale, in which what is reserved fades, and what returns comes back, as it happens.

use leptos::prelude::*;

use super::item::TicketItem;
use super::live::{Interest, listen};
use super::money::dollars;

/// Tickets as cards. Those that come to be for sale meanwhile are counted, not put in: nothing moves under a finger.
#[island]
pub fn TicketGrid(
    /// The tickets, in their order.
    tickets: Vec<TicketItem>,
    /// The words that a title must have, in lower case.
    words: Vec<String>,
    /// Where this very list is shown afresh.
    here: String,
) -> impl IntoView {
    let cards: Vec<_> = tickets.into_iter().map(RwSignal::new).collect();
    let (newcomers, set_newcomers) = signal(Vec::<String>::new());
    let (outdated, set_outdated) = signal(false);
    let (said, say) = signal(String::new());
    let (open, set_open) = signal(false);

    let watched = cards.clone();
    Effect::new(move |_| {
        let (watched, words) = (watched.clone(), words.clone());
        let connected = listen(
            "/api/tickets/stream".to_owned(),
            &["ticket", "reset"],
            move |name, data| {
                match TicketItem::from_news(data) {
                    Some(news) if name == "ticket" => {
                        take(news, &watched, &words, set_newcomers, say);
                    }
                    _ => set_outdated.set(true),
                }
                Interest::Remains
            },
        );
        Effect::new(move |_| set_open.set(connected.get()));
    });

    let news = move || match newcomers.with(Vec::len) {
        0 if outdated.get() => Some("There is news. Show it".to_owned()),
        0 => None,
        1 => Some("1 new ticket. Show it".to_owned()),
        count => Some(format!("{count} new tickets. Show them")),
    };
    view! {
        <div class="shelf-news">
            <p class="live" class:on=move || open.get()>
                <span class="dot"></span>
                {move || if open.get() { "Live" } else { "" }}
            </p>
            <p role="status">
                {move || {
                    let here = here.clone();
                    news().map(|text| view! { <a class="news" href=here>{text}</a> })
                }}
            </p>
            <p class="sr" role="status">{move || said.get()}</p>
        </div>
        <ul class="grid">{cards.into_iter().map(card).collect_view()}</ul>
    }
}

fn card(ticket: RwSignal<TicketItem>) -> impl IntoView {
    let (href, hue) = ticket.with_untracked(|ticket| {
        (
            format!("/tickets/{}", ticket.id),
            format!("stub {}", hue(&ticket.id)),
        )
    });
    let taken = move || ticket.with(|ticket| ticket.order.is_some());
    view! {
        <li class=hue class:taken=taken>
            <a href=href>
                <span class="stub-title">{move || ticket.with(|ticket| ticket.title.clone())}</span>
                <span class="stub-tear">
                    <span class="price">{move || dollars(ticket.with(|ticket| ticket.price))}</span>
                    <span class="state">{move || if taken() { "Reserved" } else { "For sale" }}</span>
                </span>
            </a>
        </li>
    }
}

/// One of six colours, by which a ticket is known again.
pub(crate) fn hue(id: &str) -> &'static str {
    const HUES: [&str; 6] = ["hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5"];
    // The end of an id counts up.
    let sum: usize = id.bytes().rev().take(4).map(usize::from).sum();
    HUES[sum % HUES.len()]
}

fn take(
    news: TicketItem,
    cards: &[RwSignal<TicketItem>],
    words: &[String],
    newcomers: WriteSignal<Vec<String>>,
    say: WriteSignal<String>,
) {
    let shown = cards
        .iter()
        .find(|card| card.with_untracked(|card| card.id == news.id));
    let Some(card) = shown else {
        let title = news.title.to_lowercase();
        let wanted = news.order.is_none() && words.iter().all(|word| title.contains(word.as_str()));
        newcomers.update(|newcomers| {
            newcomers.retain(|id| *id != news.id);
            if wanted {
                newcomers.push(news.id);
            }
        });
        return;
    };
    let (old_version, was_taken) = card.with_untracked(|card| (card.version, card.order.is_some()));
    if news.version <= old_version {
        return;
    }
    match (was_taken, news.order.is_some()) {
        (false, true) => say.set(format!("{} was just reserved.", news.title)),
        (true, false) => say.set(format!("{} is for sale again.", news.title)),
        _ => {}
    }
    card.set(news);
}
