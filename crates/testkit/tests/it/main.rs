//! The development tools themselves: servers that can be killed, links that can fail, the gateway, the catcher of mail.

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
