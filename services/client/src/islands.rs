//! The parts of pages that are alive: the grid of tickets, a ticket's offer, an order's desk.
//!
//! An island is behaviour around markup that the server made and the browser never makes again: all states of it are
//! on the page, and an attribute says which is shown. So the WASM holds no markup, and stays small. What happens in
//! the browser alone happens in effects, which the server does not run.
#![expect(
    missing_docs,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "what the macro makes of an island, whose properties are serialised and so owned"
)]

mod clock;
pub mod desk;
mod element;
pub mod grid;
mod http;
mod json;
mod live;
mod money;
pub mod offer;
mod payment;
mod stripe;
mod ticket_news;

pub use desk::OrderDesk;
pub use grid::TicketGrid;
pub use money::dollars;
pub use offer::TicketOffer;
