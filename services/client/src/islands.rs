//! The parts of pages that are alive: the grid of tickets, a ticket's offer, an order.
//!
//! Each is rendered by the server from its properties, and by the browser from the same properties, alike to the
//! last character. What happens in the browser alone happens in effects, which the server does not run.
#![expect(
    missing_docs,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "what the macro makes of an island, whose properties are serialised and so owned"
)]

mod clock;
pub mod desk;
pub mod grid;
mod http;
mod item;
mod live;
mod money;
pub mod offer;
mod payment;
mod stripe;

pub use desk::OrderDesk;
pub use grid::TicketGrid;
#[cfg(feature = "ssr")]
pub(crate) use grid::hue;
pub use item::{OrderItem, TicketItem, Viewer};
pub use money::dollars;
pub use offer::TicketOffer;
