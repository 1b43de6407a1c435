//! What the stream of tickets says of one.

use super::json::Json;

/// A ticket as it is now.
pub(super) struct TicketNews {
    pub(super) id: String,
    pub(super) title: String,
    /// Cents.
    pub(super) price: i64,
    /// Grows with every change.
    pub(super) version: i64,
    /// The order that holds it, if one does.
    pub(super) order: Option<String>,
    /// Whether its seller took it off sale.
    pub(super) withdrawn: bool,
}

impl TicketNews {
    /// The ticket in the API's JSON.
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
