//! The smoke test: buys one ticket in a deployed fleet through its public address, as a browser would. It reports the
//! failed step and the service that probably caused the failure.
//!
//! It leaves two accounts, one sold ticket and two orders in the shop, one cancelled and one paid.

mod journey;
mod shopper;
mod steps;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Url;

use shopper::Shopper;

pub use shopper::Trust;
pub use steps::{Step, Trouble};

/// The settings of a smoke test.
#[derive(Debug, Clone)]
pub struct SmokeSettings {
    /// The shop's address, as `https://ticketing.dev`.
    pub url: String,
    /// Which certificates are accepted.
    pub trust: Trust,
    /// Stripe's token of the card that is charged.
    pub card_token: String,
    /// The limit for steps that need events between services.
    pub timeout: Duration,
}

/// Buys a ticket, and reports each step as it ends. A failed step is the last. Returns whether the purchase succeeded.
///
/// # Errors
/// If the address or the certificates cannot be used. A failed step is no error.
pub async fn buy_a_ticket(
    settings: &SmokeSettings,
    report: &mut (dyn FnMut(&Step) + Send),
) -> Result<bool> {
    let shop = Shop::new(settings)?;
    let mut steps = steps::Steps::new(report, settings.timeout);
    let bought = journey::journey(&shop, &settings.card_token, &mut steps).await;
    Ok(bought.is_ok())
}

/// The shop, and its two shoppers.
struct Shop {
    seller: Shopper,
    buyer: Shopper,
    is_secure: bool,
}

impl Shop {
    fn new(settings: &SmokeSettings) -> Result<Self> {
        let url: Url = settings.url.parse().context("no address")?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            bail!("the address of a shop has no path: {url}");
        }
        let is_secure = match url.scheme() {
            "http" => false,
            "https" => true,
            scheme => bail!("the address of a shop begins with http or https, not {scheme}"),
        };
        Ok(Self {
            seller: Shopper::new(&url, &settings.trust)?,
            buyer: Shopper::new(&url, &settings.trust)?,
            is_secure,
        })
    }
}
