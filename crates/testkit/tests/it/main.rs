//! Tests of the development tools: servers, links with faults, the gateway, the mail catcher and the browser.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod browser;
mod gateway;
mod initiate;
#[cfg(target_os = "linux")]
mod links;
mod mail;
mod process;
mod proxy;
mod servers;
#[cfg(target_os = "linux")]
mod usage;
