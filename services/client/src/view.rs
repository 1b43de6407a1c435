//! The views of the pages: markup made from data, without side effects.

mod account;
mod docs;
mod error;
mod form;
mod item;
mod layout;
mod list;
mod orders;
mod page;
mod shelf;
mod tickets;

pub(crate) use account::{Account, SignInNotice, sign_in, sign_out, sign_up, with_next};
pub(crate) use docs::{BODY, Outcome, Trial, docs, events, trial};
pub(crate) use error::{not_found, refused, unavailable};
pub(crate) use layout::layout;
pub(crate) use orders::{Desk, order, orders};
pub(crate) use page::{Page, Section, Visitor};
pub(crate) use shelf::{Shelf, shelf};
pub(crate) use tickets::{Offer, TicketForm, Viewer, my_tickets, new_ticket, ticket, withdraw};
