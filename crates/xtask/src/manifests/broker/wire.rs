//! The broker's protocol, as little of it as asks what is allowed: requests in order, and an answer to each refusal
//! before the answer to the ping behind them (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::claims::{Claim, Verb};

const PATIENCE: Duration = Duration::from_secs(10);

/// A connection of one user.
pub(super) struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects, as this user with this password.
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
        let refused = wire.ask(&format!("CONNECT {hello}\r\n")).await?;
        match refused.first() {
            None => Ok(wire),
            Some(reason) => bail!("{reason}"),
        }
    }

    /// Which of these the broker refuses.
    pub(super) async fn refused<'a>(&mut self, claims: &'a [Claim]) -> Result<BTreeSet<&'a Claim>> {
        let mut request = String::new();
        for (number, claim) in claims.iter().enumerate() {
            let subject = &claim.subject;
            let asked = match claim.verb {
                Verb::Publish => format!("PUB {subject} 0\r\n\r\n"),
                Verb::Subscribe => format!("SUB {subject} {number}\r\nUNSUB {number}\r\n"),
            };
            request.push_str(&asked);
        }
        let answers = self.ask(&request).await?;
        let is_refused = |claim: &&Claim| {
            let verb = match claim.verb {
                Verb::Publish => "publish",
                Verb::Subscribe => "subscription",
            };
            let words = format!("permissions violation for {verb} to \"{}\"", claim.subject);
            let words = words.to_lowercase();
            answers
                .iter()
                .any(|answer| answer.to_lowercase().contains(&words))
        };
        Ok(claims.iter().filter(is_refused).collect())
    }

    /// Sends, and gives the refusals.
    async fn ask(&mut self, request: &str) -> Result<Vec<String>> {
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
        let read = timeout(PATIENCE, self.0.read_line(&mut line)).await??;
        if read == 0 {
            bail!("the broker hung up");
        }
        Ok(line)
    }
}
