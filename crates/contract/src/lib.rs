//! The documents of the fleet's contract, as they were last agreed to: what each service's API takes and answers
//! (OpenAPI), and what the services tell each other (AsyncAPI).
//!
//! The documents are made from the code; these are copies, under version control, so that a change of the contract is
//! seen by whoever reads the change. This crate's tests make the documents anew and fail when one differs from its copy.
//! They say whether those who rely on the contract would notice, and how the copies are refreshed. The shop shows these
//! copies to developers.

/// The document of a service's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiDocument {
    /// The service's name.
    pub service: &'static str,
    /// The document, OpenAPI in JSON.
    pub json: &'static str,
}

/// The document of every service's API, those of a shopper's way through the shop first. `expiration` has none: it is
/// reached by events alone.
pub const APIS: [ApiDocument; 4] = [
    ApiDocument {
        service: "auth",
        json: include_str!("../openapi/auth.json"),
    },
    ApiDocument {
        service: "tickets",
        json: include_str!("../openapi/tickets.json"),
    },
    ApiDocument {
        service: "orders",
        json: include_str!("../openapi/orders.json"),
    },
    ApiDocument {
        service: "payments",
        json: include_str!("../openapi/payments.json"),
    },
];

/// The document of all events, AsyncAPI in JSON.
pub const EVENTS: &str = include_str!("../asyncapi.json");
