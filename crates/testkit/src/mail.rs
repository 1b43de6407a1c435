//! The mail catcher: an SMTP server that stores all mail, and pages to read it.

mod page;
mod smtp;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::eventually::eventually;
use crate::port;

/// The limit of stored mails. Older mails are removed.
const STORED: usize = 10_000;

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
    smtp: SocketAddr,
    page: SocketAddr,
    store: Store,
    stop: DropGuard,
}

impl MailCatcher {
    /// Starts it on free loopback ports.
    pub async fn start() -> Result<Self> {
        let (store, stop) = (Store::default(), CancellationToken::new());
        let (listener, smtp) = listen().await?;
        tokio::spawn(smtp::serve(listener, store.clone(), stop.clone()));
        let (listener, page) = listen().await?;
        tokio::spawn(page::serve(listener, store.clone(), stop.clone()));
        Ok(Self {
            smtp,
            page,
            store,
            stop: stop.drop_guard(),
        })
    }

    /// The SMTP URL: `smtp://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.smtp)
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

async fn listen() -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port::free())).await;
    let listener = listener.context("no port for the mail catcher")?;
    let address = listener.local_addr().context("a bound socket")?;
    Ok((listener, address))
}

fn messages(store: &Store) -> Vec<Mail> {
    let store = store.lock().unwrap_or_else(PoisonError::into_inner);
    store.iter().cloned().collect()
}

/// Stores a mail, and removes the oldest beyond the limit.
fn add(store: &Store, mail: Mail) {
    let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
    store.push_front(mail);
    store.truncate(STORED);
}
