//! A minimal client of the NATS protocol that finds out which operations the broker refuses. The broker reports
//! refusals before it answers the following ping (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::claims::{Claim, Verb};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A connection of one user.
pub(super) struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects with these credentials.
    pub(super) async fn open(port: u16, user: Option<(&str, &str)>) -> Result<Self> {
        let mut wire = Self(BufReader::new(
            TcpStream::connect(("127.0.0.1", port)).await?,
        ));
        wire.line().await?;
        let mut hello =
            json!({ "verbose": false, "pedantic": false, "lang": "rust", "version": "0" });
        if let Some((user, password)) = user {
            hello["user"] = user.into();
            hello["pass"] = password.into();
        }
        let refused = wire.send(&format!("CONNECT {hello}\r\n")).await?;
        match refused.first() {
            None => Ok(wire),
            Some(reason) => bail!("{reason}"),
        }
    }

    /// The claims that the broker refuses.
    pub(super) async fn refused<'a>(&mut self, claims: &'a [Claim]) -> Result<BTreeSet<&'a Claim>> {
        let mut request = String::new();
        for (number, claim) in claims.iter().enumerate() {
            let subject = &claim.subject;
            let operation = match claim.verb {
                Verb::Publish => format!("PUB {subject} 0\r\n\r\n"),
                Verb::Subscribe => format!("SUB {subject} {number}\r\nUNSUB {number}\r\n"),
            };
            request.push_str(&operation);
        }
        let refusals = self.send(&request).await?;
        let is_refused = |claim: &&Claim| {
            let verb = match claim.verb {
                Verb::Publish => "publish",
                Verb::Subscribe => "subscription",
            };
            let words = format!("permissions violation for {verb} to \"{}\"", claim.subject);
            let words = words.to_lowercase();
            refusals
                .iter()
                .any(|refusal| refusal.to_lowercase().contains(&words))
        };
        Ok(claims.iter().filter(is_refused).collect())
    }

    /// Sends a request and returns the refusals.
    async fn send(&mut self, request: &str) -> Result<Vec<String>> {
        let request = format!("{request}PING\r\n");
        self.0.get_mut().write_all(request.as_bytes()).await?;
        let mut refusals = Vec::new();
        loop {
            let line = self.line().await?;
            if line.starts_with("PONG") {
                return Ok(refusals);
            }
            if line.starts_with("PING") {
                self.0.get_mut().write_all(b"PONG\r\n").await?;
            }
            if let Some(reason) = line.strip_prefix("-ERR ") {
                refusals.push(reason.trim().to_owned());
            }
        }
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = timeout(TIMEOUT, self.0.read_line(&mut line)).await??;
        if read == 0 {
            bail!("the broker closed the connection");
        }
        Ok(line)
    }
}
