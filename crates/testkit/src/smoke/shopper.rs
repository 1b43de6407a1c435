//! A shopper of the smoke test: an HTTP client with its own cookies, for shops with and without TLS.
//!
//! It uses ureq and not reqwest, whose TLS feature would reach every client of the workspace: Cargo unifies features,
//! so the shop's own programs would need a TLS provider or the system's certificates when they are built for tests.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Url;
use serde_json::Value;
use ureq::http::{Method, Request};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, SendBody};
use web::session;

use crate::http::Answer;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Which certificates of a shop are accepted.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Those of the public authorities.
    #[default]
    Public,
    /// Those in this PEM file, and those that they signed.
    Only(PathBuf),
    /// All.
    Anyone,
}

/// A client whose requests look like those of a browser on a page of the shop.
pub(super) struct Shopper {
    agent: Agent,
    origin: Url,
}

impl Shopper {
    pub(super) fn new(origin: &Url, trust: &Trust) -> Result<Self> {
        let config = Agent::config_builder()
            .tls_config(tls_config(trust)?)
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent("ticketing-smoke-test")
            .build();
        Ok(Self {
            agent: config.new_agent(),
            origin: origin.clone(),
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Answer> {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, None).await
    }

    /// Whether the shopper still has a session cookie.
    pub(super) fn has_session(&self) -> bool {
        let host = self.origin.host_str().unwrap_or_default();
        let jar = self.agent.cookie_jar_lock();
        jar.get(host, "/", session::COOKIE).is_some()
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer> {
        let agent = self.agent.clone();
        let origin = self.origin.origin().ascii_serialization();
        let request = Request::builder()
            .method(method)
            .uri(format!("{origin}{path}"))
            .header("origin", origin)
            .header("sec-fetch-site", "same-origin");
        let exchange = move || -> Result<Answer> {
            let mut response = match body {
                Some(body) => {
                    let request = request.header("content-type", "application/json");
                    agent.run(request.body(body.to_string())?)?
                }
                None => agent.run(request.body(SendBody::none())?)?,
            };
            let text = response.body_mut().read_to_string()?;
            Ok(Answer {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                json: serde_json::from_str(&text).unwrap_or_default(),
                text,
            })
        };
        tokio::task::spawn_blocking(exchange).await?
    }
}

fn tls_config(trust: &Trust) -> Result<TlsConfig> {
    let config = TlsConfig::builder();
    Ok(match trust {
        Trust::Public => config.build(),
        Trust::Only(file) => {
            let pem = std::fs::read(file);
            let pem = pem.with_context(|| format!("cannot read {}", file.display()))?;
            let mut certificates = Vec::new();
            for item in parse_pem(&pem) {
                let item = item.with_context(|| format!("no PEM in {}", file.display()))?;
                if let PemItem::Certificate(certificate) = item {
                    certificates.push(certificate);
                }
            }
            config.root_certs(RootCerts::from(certificates)).build()
        }
        Trust::Anyone => config.disable_verification(true).build(),
    })
}
