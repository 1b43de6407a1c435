//! A ticket, one's own tickets, and the form that makes or changes one.

use common::api::tickets::TicketView;
use leptos::prelude::*;

use super::form::{Alert, Faults, Field, SentOnce};
use super::item::{hue, version};
use super::list::{Empty, Row, list};
use crate::islands::offer::state;
use crate::islands::{TicketOffer, dollars};

/// Who looks at a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Somebody who is not signed in.
    Anonymous,
    /// Somebody who could buy it.
    Shopper,
    /// Who sells it.
    Seller,
}

/// A ticket's page.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) ticket: TicketView,
    /// The event after which it was so.
    pub(crate) place: Option<String>,
    pub(crate) viewer: Viewer,
    /// The viewer's own order that holds it.
    pub(crate) own_order: Option<String>,
    pub(crate) sign_in: String,
    pub(crate) hold: String,
    /// The seller's form.
    pub(crate) edit: TicketForm,
    /// Whether it was just put up for sale or changed.
    pub(crate) saved: bool,
    /// Why it could not be bought or withdrawn, if it was tried.
    pub(crate) refusal: Option<String>,
}

/// What the form of a ticket holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct TicketForm {
    pub(crate) title: String,
    pub(crate) price: String,
    /// The version that is edited.
    pub(crate) version: Option<u64>,
    pub(crate) faults: Faults,
}

impl TicketForm {
    /// The form that changes this ticket.
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
        place,
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
    // An older order of the visitor's does not hold it.
    let holder = ticket.order_id.map(|order| order.to_string());
    let own = own_order.filter(|own| holder.is_none() || holder.as_ref() == Some(own));
    let now = state(taken, own.is_some());
    let to_own = own.as_deref().map(yours);
    view! {
        <article class=class>
            {refusal.map(|reason| view! { <div class="notice bad" role="alert"><p>{reason}</p></div> })}
            {saved.then(|| view! { <div class="notice good" role="status"><p>"Saved. This is what others see."</p></div> })}
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
                    data-place=place
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
    let hint = format!("It is yours alone for {hold} while you pay.");
    let way = match viewer {
        Viewer::Seller => ().into_any(),
        Viewer::Anonymous => {
            view! { <a class="button wide" href=sign_in>"Sign in to buy"</a> }.into_any()
        }
        Viewer::Shopper => view! {
            <form method="post" action=buy>
                <input type="hidden" name="price" id="shown-price" value=price />
                <SentOnce />
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
        "Somebody has reserved it, or bought it. As long as that is so it cannot be changed."
    } else {
        "Somebody else was quicker. Should they not pay in time, it is for sale again, and this page will say so by itself."
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
            <p class="aside">"You can change both, or withdraw it, until somebody reserves it."</p>
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
                " will be gone from the shop, and nobody can buy it any more. This cannot be undone."
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
                None => view! { <SentOnce /> }.into_any(),
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
                hint="For example 19.99. The least is 0.50."
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
        title: "You have put nothing up for sale",
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
                        <p>"Withdrawn. Nobody can buy it any more."</p>
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
