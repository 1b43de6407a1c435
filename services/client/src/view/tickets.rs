//! A ticket, one's own tickets, and the form that makes or changes one.

use leptos::prelude::*;

use super::form::{Alert, Faults, Field};
use super::more;
use crate::islands::{TicketItem, TicketOffer, Viewer, dollars, hue};

/// A ticket's page.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) ticket: TicketItem,
    pub(crate) viewer: Viewer,
    /// The viewer's own order that holds it.
    pub(crate) own_order: Option<String>,
    pub(crate) sign_in: String,
    pub(crate) hold: String,
    /// The seller's form.
    pub(crate) edit: TicketForm,
    /// Whether it was just put up for sale or changed.
    pub(crate) saved: bool,
    /// Why it could not be bought, if it was tried.
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
    pub(crate) fn of(ticket: &TicketItem) -> Self {
        Self {
            title: ticket.title.clone(),
            price: dollars(ticket.price).replace(['$', ','], ""),
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
        viewer,
        own_order,
        sign_in,
        hold,
        edit,
        saved,
        refusal,
    } = offer;
    let editable = viewer == Viewer::Seller && (ticket.order.is_none() || edit.faults.any());
    let action = format!("/tickets/{}", ticket.id);
    let class = format!("ticket {}", hue(&ticket.id));
    view! {
        <article class=class>
            {refusal.map(|reason| view! { <div class="notice bad" role="alert"><p>{reason}</p></div> })}
            {saved.then(|| view! { <div class="notice good" role="status"><p>"Saved. This is what others see."</p></div> })}
            <TicketOffer ticket viewer own_order sign_in hold />
        </article>
        {editable
            .then(|| {
                view! {
                    <section class="sheet edit">
                        <h2>"Change it"</h2>
                        <Form form=edit action label="Save changes" />
                    </section>
                }
            })}
    }
}

/// `/tickets/new`
pub(crate) fn new_ticket(form: TicketForm) -> impl IntoView {
    view! {
        <section class="sheet">
            <h1>"Sell a ticket"</h1>
            <Form form action="/tickets/new" label="Put it up for sale" first=true />
            <p class="aside">"You can change both until somebody reserves it."</p>
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
            {form.version.map(|version| view! { <input type="hidden" name="version" value=version /> })}
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
                hint="For example 19.99"
                autocomplete="off"
                inputmode="decimal"
                faults
            />
            <button class="wide">{label}</button>
        </form>
    }
}

/// `/tickets/mine`
pub(crate) fn my_tickets(tickets: Vec<TicketItem>, next: Option<String>) -> impl IntoView {
    let none = tickets.is_empty();
    view! {
        <section class="list">
            <h1>"My tickets"</h1>
            {none.then(|| view! {
                <div class="empty">
                    <h2>"You have put nothing up for sale"</h2>
                    <p>"A seat you cannot use is somebody's best evening."</p>
                    <p class="actions"><a class="button" href="/tickets/new">"Sell a ticket"</a></p>
                </div>
            })}
            <ul class="rows">
                {tickets.into_iter().map(row).collect_view()}
            </ul>
            {more(next)}
        </section>
    }
}

fn row(ticket: TicketItem) -> impl IntoView {
    let (class, state) = if ticket.order.is_some() {
        ("badge held", "Reserved or sold")
    } else {
        ("badge free", "For sale")
    };
    view! {
        <li>
            <a href=format!("/tickets/{}", ticket.id)>
                <span class="row-title">{ticket.title}</span>
                <span class=class>{state}</span>
                <span class="price">{dollars(ticket.price)}</span>
            </a>
        </li>
    }
}
