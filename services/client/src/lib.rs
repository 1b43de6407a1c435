//! The shop: pages rendered on the server with their data, and islands of them alive in the browser.
//!
//! Compiled twice. With `ssr` it is a service of the same shape as the others, which owns no data and reaches the
//! API as any client would, on behalf of the shopper who asks. With `hydrate` it is the WASM that brings the
//! islands of a page to life, and holds nothing else. Every journey works without it, but for typing a card's
//! number, which only Stripe's own script may see.

// Views are types, and those of a page nest deeply.
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
use service::Definition;

#[cfg(feature = "ssr")]
pub use app::build;
#[cfg(feature = "ssr")]
pub use config::Config;

/// The service's name.
pub const NAME: &str = "client";

/// What the platform must know of it.
#[cfg(feature = "ssr")]
pub const DEFINITION: Definition = Definition {
    paths: &["/"],
    ..Definition::new(NAME)
};

/// Makes a page's islands ready to be brought to life, before the first of them is.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
