//! A ticket's page, the seller's list of tickets, and the ticket form.

use common::api::tickets::TicketView;
use leptos::prelude::*;

use super::form::{Alert, Faults, Field, Token};
use super::item::{hue, version};
use super::list::{Empty, Row, list};
use crate::islands::offer::state;
use crate::islands::{TicketOffer, dollars};

/// A visitor's relation to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Not signed in.
    Anonymous,
    /// May buy it.
    Shopper,
    /// Sells it.
    Seller,
}

/// The data of a ticket's page.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) ticket: TicketView,
    /// The latest event that the ticket reflects.
    pub(crate) last_event: Option<String>,
    pub(crate) viewer: Viewer,
    /// The viewer's own order of the ticket.
    pub(crate) own_order: Option<String>,
    pub(crate) sign_in: String,
    pub(crate) hold: String,
    /// The seller's form.
    pub(crate) edit: TicketForm,
    /// Whether it was just created or changed.
    pub(crate) saved: bool,
    /// Why it could not be bought or withdrawn.
    pub(crate) refusal: Option<String>,
}

/// The contents of the ticket form.
#[derive(Debug, Clone, Default)]
pub(crate) struct TicketForm {
    pub(crate) title: String,
    pub(crate) price: String,
    /// The version that the seller edits; `None` for a new ticket.
    pub(crate) version: Option<u64>,
    pub(crate) faults: Faults,
}

impl TicketForm {
    /// The form for editing this ticket.
    pub(crate) fn of(ticket: &TicketView) -> Self {
        Self {
            title: ticket.title.to_string(),
            price: ticket.price.to_string().trim_start_matches('$').to_owned(),
            version: Some(ticket.version),
            faults: Faults::none(),
        }
    }
}

const FIELDS: &[&str] = &["title", "price"];

/// `/tickets/{id}`
pub(crate) fn ticket(offer: Offer) -> impl IntoView {
    let Offer {
        ticket,
        last_event,
        viewer,
        own_order,
        sign_in,
        hold,
        edit,
        saved,
        refusal,
    } = offer;
    let taken = ticket.order_id.is_some();
    let editable = viewer == Viewer::Seller && (!taken || edit.faults.any());
    let id = ticket.id.to_string();
    let action = format!("/tickets/{id}");
    let buy = format!("/tickets/{id}/buy");
    let withdraw = format!("/tickets/{id}/withdraw");
    let class = format!("ticket {}", hue(&id));
    let price = ticket.price.cents();
    // An older order of the viewer does not hold the ticket any more.
    let holder = ticket.order_id.map(|order| order.to_string());
    let own = own_order.filter(|own| holder.is_none() || holder.as_ref() == Some(own));
    let now = state(taken, own.is_some());
    let to_own = own.as_deref().map(yours);
    view! {
        <article class=class>
            {refusal.map(|reason| view! { <div class="notice bad" role="alert"><p>{reason}</p></div> })}
            {saved.then(|| view! { <div class="notice good" role="status"><p>"Saved. This is what buyers see."</p></div> })}
            <h1 id="ticket-title">{ticket.title.to_string()}</h1>
            <p class="price big" id="ticket-price">{dollars(price)}</p>
            <TicketOffer>
                <div
                    class="states"
                    id="offer"
                    data-state=now
                    data-ticket=id
                    data-version=version(ticket.version)
                    data-price=price
                    data-place=last_event
                    data-own=own
                >
                    <div data-when="free">{free(viewer, sign_in, buy, price, &hold)}</div>
                    <div data-when="taken">{reserved(viewer)}</div>
                    <div data-when="own">{to_own}</div>
                    <div data-when="gone">{gone()}</div>
                </div>
            </TicketOffer>
        </article>
        {editable
            .then(|| {
                view! {
                    <section class="sheet edit">
                        <h2>"Change it"</h2>
                        <Form form=edit action label="Save changes" />
                        <p class="aside">
                            "Changed your mind? " <a href=withdraw>"Withdraw it from sale"</a>
                        </p>
                    </section>
                }
            })}
    }
}

fn free(
    viewer: Viewer,
    sign_in: String,
    buy: String,
    price: i64,
    hold: &str,
) -> impl IntoView + use<> {
    let hint = format!("We hold it for you for {hold} while you pay.");
    let way = match viewer {
        Viewer::Seller => ().into_any(),
        Viewer::Anonymous => {
            view! { <a class="button wide" href=sign_in>"Sign in to buy"</a> }.into_any()
        }
        Viewer::Shopper => view! {
            <form method="post" action=buy>
                <input type="hidden" name="price" id="shown-price" value=price />
                <Token />
                <button class="wide">"Buy"</button>
            </form>
            <p class="hint">{hint}</p>
        }
        .into_any(),
    };
    view! {
        <p class="badge free">"For sale"</p>
        {way}
    }
}

fn reserved(viewer: Viewer) -> impl IntoView {
    let text = if viewer == Viewer::Seller {
        "Somebody has reserved it or bought it, so you cannot change it now."
    } else {
        "Somebody else was quicker. If they do not pay in time, it goes back on sale, and you will see it here."
    };
    view! {
        <p class="badge held">"Reserved"</p>
        <p>{text}</p>
    }
}

fn gone() -> impl IntoView {
    view! {
        <p class="badge over">"Withdrawn"</p>
        <p>"The seller has taken it off sale."</p>
        <a class="button wide second" href="/">"See what is for sale"</a>
    }
}

fn yours(order: &str) -> impl IntoView + use<> {
    view! {
        <p class="badge yours">"Yours"</p>
        <a class="button wide" href=format!("/orders/{order}")>"Go to your order"</a>
    }
}

/// `/tickets/new`
pub(crate) fn new_ticket(form: TicketForm) -> impl IntoView {
    view! {
        <section class="sheet">
            <h1>"Sell a ticket"</h1>
            <Form form action="/tickets/new" label="Put it up for sale" first=true />
            <p class="aside">"You can change or withdraw it until somebody reserves it."</p>
        </section>
    }
}

/// `/tickets/{id}/withdraw`
pub(crate) fn withdraw(ticket: &TicketView) -> impl IntoView + use<> {
    let page = format!("/tickets/{}", ticket.id);
    view! {
        <section class="sheet">
            <h1>"Withdraw it from sale?"</h1>
            <p>
                <strong class="break">{ticket.title.to_string()}</strong>
                " will disappear from the shop. This cannot be undone."
            </p>
            <form method="post" action=format!("{page}/withdraw")>
                <button class="wide">"Withdraw it"</button>
            </form>
            <p class="aside">
                <a href=page>"Keep it for sale"</a>
            </p>
        </section>
    }
}

#[component]
fn Form(
    form: TicketForm,
    #[prop(into)] action: String,
    label: &'static str,
    #[prop(optional)] first: bool,
) -> impl IntoView {
    let faults = form.faults;
    view! {
        <Alert faults=faults.clone() fields=FIELDS />
        <form method="post" action=action novalidate>
            {match form.version {
                Some(version) => view! { <input type="hidden" name="version" value=version /> }.into_any(),
                None => view! { <Token /> }.into_any(),
            }}
            <Field
                name="title"
                label="Title"
                value=form.title
                hint="What, where, which seat."
                autocomplete="off"
                maxlength="200"
                first
                faults=faults.clone()
            />
            <Field
                name="price"
                label="Price in US dollars"
                value=form.price
                hint="For example 19.99. The minimum is 0.50."
                autocomplete="off"
                inputmode="decimal"
                faults
            />
            <button class="wide">{label}</button>
        </form>
    }
}

/// `/tickets/mine`
pub(crate) fn my_tickets(
    tickets: &[TicketView],
    next: Option<String>,
    withdrawn: bool,
) -> impl IntoView + use<> {
    const EMPTY: Empty = Empty {
        title: "You are not selling anything yet",
        text: "A seat you cannot use is somebody's best evening.",
        href: "/tickets/new",
        action: "Sell a ticket",
    };
    let rows = tickets.iter().map(row).collect();
    view! {
        {withdrawn
            .then(|| {
                view! {
                    <div class="notice good" role="status">
                        <p>"Withdrawn. It is no longer for sale."</p>
                    </div>
                }
            })}
        {list("My tickets", rows, &EMPTY, next)}
    }
}

fn row(ticket: &TicketView) -> Row {
    Row {
        href: format!("/tickets/{}", ticket.id),
        title: ticket.title.to_string(),
        state: match ticket.order_id {
            Some(_) => ("held", "Reserved or sold"),
            None => ("free", "For sale"),
        },
        price: dollars(ticket.price.cents()),
    }
}
