//! The SMTP server: `mailin` speaks the protocol, `mail-parser` reads the messages.

use std::io;
use std::net::IpAddr;

use anyhow::Result;
use mail_parser::{Addr, Message, MessageParser, PartType};
use mailin::{Action, Handler, Response, SessionBuilder, response};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Mail, Store, add};

/// Accepts connections until it is stopped, which also closes those that are open.
pub(super) async fn serve(listener: TcpListener, store: Store, stop: CancellationToken) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((connection, client)) => {
                let receiving = receive(connection, client.ip(), store.clone());
                tokio::spawn(stop.clone().run_until_cancelled_owned(receiving));
            }
            Err(error) => tracing::warn!(%error, "the mail catcher cannot accept a connection"),
        }
    }
}

/// Receives the mails of one connection.
async fn receive(connection: TcpStream, client: IpAddr, store: Store) -> Result<()> {
    let catcher = Catcher {
        store,
        sender: String::new(),
        message: Vec::new(),
    };
    let mut session = SessionBuilder::new("ticketing").build(client, catcher);
    let mut connection = BufReader::new(connection);
    let mut response = session.greeting();
    let mut line = Vec::new();
    loop {
        connection.write_all(&response.buffer()?).await?;
        line.clear();
        let closed =
            response.action == Action::Close || connection.read_until(b'\n', &mut line).await? == 0;
        if closed {
            return Ok(());
        }
        response = session.process(&line);
    }
}

/// The mail that a connection is sending.
struct Catcher {
    store: Store,
    /// Its sender in the envelope.
    sender: String,
    message: Vec<u8>,
}

impl Handler for Catcher {
    fn mail(&mut self, _: IpAddr, _: &str, from: &str) -> Response {
        from.clone_into(&mut self.sender);
        self.message.clear();
        response::OK
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        self.message.extend_from_slice(line);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        match MessageParser::new().parse(&self.message) {
            Some(message) => {
                add(&self.store, mail(&message, &self.sender));
                response::OK
            }
            None => response::TRANSACTION_FAILED,
        }
    }
}

fn mail(message: &Message<'_>, sender: &str) -> Mail {
    let address = |addr: &Addr<'_>| addr.address().map(str::to_owned);
    let from = message.from().and_then(|from| address(from.first()?));
    let to = message.to().into_iter().flat_map(|to| to.iter());
    let text = message.text_bodies().find_map(|part| match &part.body {
        PartType::Text(text) => Some(text.to_string()),
        _ => None,
    });
    let html = message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(html.to_string()),
        _ => None,
    });
    Mail {
        from: from.unwrap_or_else(|| sender.to_owned()),
        to: to.filter_map(address).collect(),
        subject: message.subject().unwrap_or_default().to_owned(),
        text: text.unwrap_or_default(),
        html: html.unwrap_or_default(),
    }
}
