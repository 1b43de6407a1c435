//! Tickets in the event stream.

use super::json::Json;

/// The current state of a ticket.
pub(super) struct Ticket {
    pub(super) id: String,
    pub(super) title: String,
    /// Cents.
    pub(super) price: i64,
    /// Increases with every change.
    pub(super) version: i64,
    /// The order that holds it.
    pub(super) order: Option<String>,
    /// Whether its seller has withdrawn it.
    pub(super) withdrawn: bool,
}

impl Ticket {
    /// Reads a ticket from the API's JSON.
    pub(super) fn read(json: &str) -> Option<Self> {
        let ticket = Json::parse(json)?;
        Some(Self {
            id: ticket.text("id")?,
            title: ticket.text("title")?,
            price: ticket.number("price", 100.0)?,
            version: ticket.number("version", 1.0)?,
            order: ticket.text("orderId"),
            withdrawn: ticket.is_true("withdrawn"),
        })
    }
}
