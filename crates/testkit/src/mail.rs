//! The mail catcher: an SMTP server that stores all mail, and pages to read it.

mod page;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mailcrab::MailMessage;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::eventually::{eventually, within};
use crate::port;

/// The limit of stored mails. Older mails are removed.
const STORED: usize = 10_000;

/// The limit of received mails that are not yet stored. The library drops more.
const BUFFERED: usize = 4_096;

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The plain text; empty if there is none.
    pub text: String,
    /// The HTML; empty if there is none.
    pub html: String,
}

type Store = Arc<Mutex<VecDeque<Mail>>>;

/// A mail catcher that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct MailCatcher {
    smtp_port: u16,
    page: SocketAddr,
    store: Store,
    stop: DropGuard,
}

impl MailCatcher {
    /// Starts it on free loopback ports.
    pub async fn start() -> Result<Self> {
        let (smtp_port, stop) = (port::free(), CancellationToken::new());
        let (mails, caught) = broadcast::channel(BUFFERED);
        let store = Store::default();
        let smtp = mailcrab::mail_server(
            Ipv4Addr::LOCALHOST.into(),
            smtp_port,
            mails,
            false,
            stop.clone(),
        );
        let smtp = tokio::spawn(smtp);
        tokio::spawn(store_all(caught, store.clone()));
        let listening = within(Duration::from_secs(5), || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, smtp_port))
        });
        let listening = listening.await;
        ensure!(
            listening.is_ok() && !smtp.is_finished(),
            "the mail catcher does not listen on port {smtp_port}"
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port::free())).await;
        let listener = listener.context("no port for the mail catcher's page")?;
        let page = listener.local_addr().context("a bound socket")?;
        tokio::spawn(page::serve(listener, store.clone(), stop.clone()));
        Ok(Self {
            smtp_port,
            page,
            store,
            stop: stop.drop_guard(),
        })
    }

    /// The SMTP URL: `smtp://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.smtp_port)
    }

    /// The URL of a page with all mails. `/api/messages` below it has them as JSON.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("http://{}", self.page)
    }

    /// All stored mails, the newest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Mail> {
        messages(&self.store)
    }

    /// Waits for a mail to this address, with the deadline of [`eventually`]. Returns the newest.
    ///
    /// # Panics
    /// If none arrives.
    pub async fn wait_for(&self, recipient: &str) -> Mail {
        eventually(&format!("a mail to {recipient}"), async || {
            let addressed =
                |mail: &Mail| mail.to.iter().any(|to| to.eq_ignore_ascii_case(recipient));
            self.messages().into_iter().find(addressed)
        })
        .await
    }

    /// Stops it.
    pub fn stop(self) {
        drop(self.stop);
    }
}

fn messages(store: &Store) -> Vec<Mail> {
    let store = store.lock().unwrap_or_else(PoisonError::into_inner);
    store.iter().cloned().collect()
}

/// Stores received mails until the server ends.
async fn store_all(mut caught: broadcast::Receiver<MailMessage>, store: Store) {
    loop {
        match caught.recv().await {
            Ok(message) => {
                let mail = Mail::of(&message);
                let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
                store.push_front(mail);
                store.truncate(STORED);
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "mails were lost");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

impl Mail {
    /// The library exposes the body of a message only in its JSON.
    fn of(message: &MailMessage) -> Self {
        let json = serde_json::to_value(message).unwrap_or_default();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let address = |value: &Value| value["email"].as_str().map(str::to_owned);
        let to: Vec<_> = json["to"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(address)
            .collect();
        Self {
            from: address(&json["from"]).unwrap_or_else(|| text("envelope_from")),
            to,
            subject: text("subject"),
            text: text("text"),
            html: text("html"),
        }
    }
}
