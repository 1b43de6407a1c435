//! The development tools themselves: servers that can be killed, the gateway, the catcher of mail.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod browser;
mod gateway;
mod mail;
mod process;
mod servers;
