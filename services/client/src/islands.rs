//! The parts of pages that are alive: the grid of tickets, a ticket's offer, an order's desk.
//!
//! An island is behaviour around markup that the server made and the browser never makes again: all states of it are
//! on the page, and an attribute says which is shown. What an island needs to know stands in attributes, too, rather
//! than in properties. So the WASM holds neither markup nor a reader of JSON, and stays small. What happens in the
//! browser alone happens in effects, which the server does not run.
#![expect(
    clippy::must_use_candidate,
    reason = "what the macro makes of an island"
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

pub use clock::minutes;
pub use desk::OrderDesk;
pub use grid::TicketGrid;
pub use money::dollars;
pub use offer::TicketOffer;
