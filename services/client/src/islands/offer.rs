//! What can be done with a ticket, by who looks at it, as long as that is so.

use leptos::prelude::*;

use super::http;
use super::item::{TicketItem, Viewer};
use super::live::{Interest, listen};
use super::money::dollars;

/// A ticket's title, price and availability, and the way to buy it.
#[island]
pub fn TicketOffer(
    /// The ticket.
    ticket: TicketItem,
    /// Who looks.
    viewer: Viewer,
    /// The viewer's own order that holds the ticket, if it is theirs.
    own_order: Option<String>,
    /// The way to the sign-in page and back.
    sign_in: String,
    /// How long a ticket is held, in words.
    hold: String,
) -> impl IntoView {
    let path = format!("/tickets/{}/buy", ticket.id);
    let api = format!("/api/tickets/{}", ticket.id);
    let ticket = RwSignal::new(ticket);
    let (note, set_note) = signal(String::new());

    Effect::new(move |_| {
        let apply = move |data: &str| {
            let Some(news) = TicketItem::from_news(data) else {
                return;
            };
            let known = ticket.get_untracked();
            if news.id == known.id && news.version > known.version {
                set_note.set(change(&known, &news));
                ticket.set(news);
            }
        };
        let path = api.clone();
        listen(
            "/api/tickets/stream".to_owned(),
            &["ticket", "reset"],
            move |name, data| {
                if name == "reset" {
                    // The stream cannot tell what was missed, so the ticket itself is asked for.
                    let path = path.clone();
                    leptos::task::spawn_local(async move {
                        if let Some(answer) = http::get(&path).await {
                            apply(&answer.text);
                        }
                    });
                } else {
                    apply(data);
                }
                Interest::Remains
            },
        );
    });

    let holder = Memo::new(move |_| ticket.with(|ticket| ticket.order.clone()));
    view! {
        <h1>{move || ticket.with(|ticket| ticket.title.clone())}</h1>
        <p class="price big">{move || dollars(ticket.with(|ticket| ticket.price))}</p>
        <div class="offer">
            {move || match (holder.get(), viewer) {
                (Some(order), _) if own_order.as_ref() == Some(&order) => own(&order).into_any(),
                (Some(_), Viewer::Seller) => {
                    view! {
                        <p class="badge held">"Reserved"</p>
                        <p>"Somebody has reserved it, or bought it. As long as that is so it cannot be changed."</p>
                    }
                        .into_any()
                }
                (Some(_), _) => {
                    view! {
                        <p class="badge held">"Reserved"</p>
                        <p>
                            "Somebody else was quicker. Should they not pay in time, it is for sale again, and this page will say so by itself."
                        </p>
                    }
                        .into_any()
                }
                (None, Viewer::Seller) => view! { <p class="badge free">"For sale"</p> }.into_any(),
                (None, Viewer::Anonymous) => {
                    let sign_in = sign_in.clone();
                    view! {
                        <p class="badge free">"For sale"</p>
                        <p>
                            <a class="button wide" href=sign_in>
                                "Sign in to buy"
                            </a>
                        </p>
                    }
                        .into_any()
                }
                (None, Viewer::Shopper) => buy(path.clone(), &hold).into_any(),
            }}
            <p class="note" role="status">{move || note.get()}</p>
        </div>
    }
}

fn own(order: &str) -> impl IntoView + use<> {
    view! {
        <p class="badge yours">"Yours"</p>
        <p>
            <a class="button wide" href=format!("/orders/{order}")>
                "Go to your order"
            </a>
        </p>
    }
}

fn buy(path: String, hold: &str) -> impl IntoView + use<> {
    view! {
        <p class="badge free">"For sale"</p>
        <form method="post" action=path>
            <button class="wide">"Buy"</button>
        </form>
        <p class="hint">{format!("It is yours alone for {hold} while you pay.")}</p>
    }
}

/// What became different, in words.
fn change(old: &TicketItem, new: &TicketItem) -> String {
    match (&old.order, &new.order) {
        (None, Some(_)) => "It was reserved just now.".to_owned(),
        (Some(_), None) => "It is for sale again.".to_owned(),
        _ if old.price != new.price => {
            let (old, new) = (dollars(old.price), dollars(new.price));
            format!("The seller changed the price from {old} to {new}.")
        }
        _ => "The seller changed the title.".to_owned(),
    }
}
