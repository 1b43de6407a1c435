//! The frozen documents of the fleet's contract: the services' HTTP APIs (OpenAPI) and their events (AsyncAPI).
//!
//! The documents are generated from the code. The copies here are under version control, so that a review shows each
//! change of the contract. This crate's tests generate the documents again and fail if one differs from its copy. The
//! failure says whether the change breaks clients and how to update the copies. The shop shows these copies to
//! developers.

/// The document of a service's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiDocument {
    /// The service's name.
    pub service: &'static str,
    /// The document, OpenAPI in JSON.
    pub json: &'static str,
}

/// The documents of all APIs, in the order in which a shopper uses them. `expiration` has no API.
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
