//! A link before MongoDB that takes note of the queries that pass.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};
use testkit::servers::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::message::{self, HEADER};
use super::query::Query;

/// How many shapes of queries are kept: several times as many as there are.
const MOST: usize = 500;

/// The link. Dropping it ends it, and all its connections.
#[derive(Debug)]
pub(super) struct Recorder {
    address: SocketAddr,
    server: String,
    heard: Arc<Mutex<Heard>>,
    _serving: AbortOnDropHandle<()>,
}

/// What passed.
#[derive(Debug, Default)]
struct Heard {
    /// The first query of each shape.
    queries: BTreeMap<String, Query>,
    /// The first thing that was not understood, or not kept.
    missed: Option<String>,
}

impl Recorder {
    /// A link to this server.
    pub(super) async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, server) = (listener.local_addr().unwrap(), server.address().to_owned());
        let heard = Arc::<Mutex<Heard>>::default();
        let serving = tokio::spawn(serve(listener, server.clone(), Arc::clone(&heard)));
        Self {
            address,
            server,
            heard,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// The connection string that leads over the link instead of to the server itself.
    pub(super) fn on_the_way(&self, uri: &str) -> String {
        uri.replacen(&self.server, &self.address.to_string(), 1)
    }

    /// A query of each shape that passed so far.
    pub(super) fn queries(&self) -> Vec<Query> {
        let heard = self.heard.lock().unwrap();
        assert_eq!(heard.missed, None, "something passed and was not noted");
        heard.queries.values().cloned().collect()
    }
}

impl Heard {
    fn listen(&mut self, message: &[u8]) {
        if let Err(error) = self.take_note(message) {
            self.missed.get_or_insert_with(|| format!("{error:#}"));
        }
    }

    fn take_note(&mut self, message: &[u8]) -> Result<()> {
        let Some(command) = message::command(message)? else {
            return Ok(());
        };
        for query in Query::all_in(&command)? {
            ensure!(self.queries.len() < MOST, "{MOST} shapes of queries");
            self.queries.entry(query.shape()).or_insert(query);
        }
        Ok(())
    }
}

/// Takes connections for ever. Its end is the end of all of them: their tasks are its own.
async fn serve(listener: TcpListener, server: String, heard: Arc<Mutex<Heard>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.unwrap();
                connections.spawn(carry(client, server.clone(), Arc::clone(&heard)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Connects the client with the server until one of them ends, which both are told of by the end of their connections.
async fn carry(client: TcpStream, server: String, heard: Arc<Mutex<Heard>>) -> Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    tokio::select! {
        ended = forward(from_client, to_server, &heard) => ended,
        ended = copy(&mut from_server, &mut to_client) => {
            ended?;
            Ok(())
        }
    }
}

/// Takes note of each message before the server has it, so that what was answered was noted.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    heard: &Mutex<Heard>,
) -> Result<()> {
    loop {
        let mut header = [0; HEADER];
        from.read_exact(&mut header).await?;
        let mut message = header.to_vec();
        message.resize(message::length(header)?, 0);
        from.read_exact(&mut message[HEADER..]).await?;
        heard.lock().unwrap().listen(&message);
        to.write_all(&message).await?;
    }
}
