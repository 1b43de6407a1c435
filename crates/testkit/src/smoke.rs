//! One purchase against any deployed fleet, as a browser would make it, which says what failed and whose fault it
//! probably is.
//!
//! It leaves two accounts, one ticket and two orders behind, one given up and one paid: nothing that anybody could buy.

mod journey;
mod steps;
mod tunnel;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, redirect};

use crate::http::Api;
pub use steps::{Step, Trouble};
pub use tunnel::Trust;
use tunnel::Tunnel;

/// What is bought where.
#[derive(Debug, Clone)]
pub struct SmokeSettings {
    /// The shop's address, as `https://ticketing.dev`.
    pub url: String,
    /// Whose word is taken for who the shop is.
    pub trust: Trust,
    /// Stripe's token of the card that is charged.
    pub card_token: String,
    /// How long to wait for what several services must agree on.
    pub patience: Duration,
}

/// Buys a ticket. Each step is told as it ends; after the first that fails there are no more.
///
/// # Errors
/// If it cannot even begin; that a step fails is in what is told.
pub async fn buy_a_ticket(
    settings: &SmokeSettings,
    tell: &mut (dyn FnMut(&Step) + Send),
) -> Result<bool> {
    let shop = Shop::open(settings).await?;
    let mut steps = steps::Steps::new(tell, settings.patience);
    let bought = journey::journey(&shop, &settings.card_token, &mut steps).await;
    Ok(bought.is_ok())
}

/// A shop to be entered.
pub(crate) struct Shop {
    client: Client,
    address: String,
    pub(crate) is_secure: bool,
    /// Everything goes through it, where the shop speaks TLS.
    _tunnel: Option<Tunnel>,
}

impl Shop {
    async fn open(settings: &SmokeSettings) -> Result<Self> {
        let url: Url = settings.url.parse().context("no address")?;
        let host = url.host_str().context("an address without a host")?;
        let port = url
            .port_or_known_default()
            .context("an address without a port")?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            bail!("the address of a shop has no path: {url}");
        }
        let is_secure = match url.scheme() {
            "http" => false,
            "https" => true,
            scheme => bail!("a shop speaks http or https, not {scheme}"),
        };
        let tunnel = if is_secure {
            Some(Tunnel::open(host, port, &settings.trust).await?)
        } else {
            None
        };
        let address = match &tunnel {
            Some(tunnel) => tunnel.address(),
            None => url.origin().ascii_serialization(),
        };
        Ok(Self {
            client: client(&url)?,
            address,
            is_secure,
            _tunnel: tunnel,
        })
    }

    /// A shopper who has no session yet.
    pub(crate) fn shopper(&self) -> Api {
        Api::through(self.client.clone(), &self.address)
    }
}

/// A client that says of itself what a browser on a page of the shop would.
fn client(shop: &Url) -> Result<Client> {
    let origin = shop.origin().ascii_serialization();
    let authority = origin.split_once("://").map_or(&*origin, |(_, rest)| rest);
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_str(authority)?);
    headers.insert("origin", HeaderValue::from_str(&origin)?);
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    headers.insert(
        "user-agent",
        HeaderValue::from_static("ticketing-smoke-test"),
    );
    Client::builder()
        .default_headers(headers)
        .timeout(Duration::from_secs(30))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
        .context("no HTTP client")
}
