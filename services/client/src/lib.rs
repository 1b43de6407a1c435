//! The shop: pages rendered on the server, with interactive islands in the browser.
//!
//! The crate is compiled twice. With `ssr` it is a service like the others. It owns no data, and calls the API on
//! behalf of the shopper like any other client. With `hydrate` it is the WASM that makes the islands interactive.
//! Everything but paying works without WASM; card numbers are typed into Stripe's own script.

// Views are deeply nested types.
#![recursion_limit = "512"]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("`ssr` is the server and `hydrate` the browser: build one at a time");

pub mod islands;

#[cfg(feature = "ssr")]
mod api;
#[cfg(feature = "ssr")]
mod app;
#[cfg(feature = "ssr")]
mod config;
#[cfg(feature = "ssr")]
mod docs;
#[cfg(feature = "ssr")]
mod page;
#[cfg(feature = "ssr")]
mod routes;
#[cfg(feature = "ssr")]
mod security;
#[cfg(feature = "ssr")]
mod site;
#[cfg(feature = "ssr")]
mod state;
#[cfg(feature = "ssr")]
mod view;

#[cfg(feature = "ssr")]
use base::Definition;

#[cfg(feature = "ssr")]
pub use app::build;
#[cfg(feature = "ssr")]
pub use config::Config;

/// The service's name.
pub const NAME: &str = "client";

/// The service's description for the platform.
#[cfg(feature = "ssr")]
pub const DEFINITION: Definition = Definition {
    paths: &["/"],
    ..Definition::new(NAME)
};

/// Prepares the page for the hydration of its islands.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
