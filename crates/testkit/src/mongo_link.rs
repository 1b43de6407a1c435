//! A proxy for MongoDB that reads the commands passing through it. It can answer a command itself, or lose the server's
//! response.

mod message;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use bson::Document;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use message::Message;

/// How a command is handled.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// The command and its response pass.
    Passes,
    /// The client receives this response. The server does not receive the command.
    Answered(Document),
    /// The server handles the command, and the connection closes before the response.
    AnswerLost,
    /// The server handles the command, and the client never receives the response.
    AnswerWithheld,
}

impl Fate {
    /// An error response with this code.
    #[must_use]
    pub fn refused(code: i32, message: &str) -> Self {
        Self::Answered(bson::doc! { "ok": 0.0, "code": code, "errmsg": message })
    }
}

type Decide = Box<dyn FnMut(&Document) -> Fate + Send>;

/// The proxy. Dropping it closes it and all its connections.
pub struct MongoLink {
    address: SocketAddr,
    decide: Arc<Mutex<Decide>>,
    _serving: AbortOnDropHandle<()>,
}

impl MongoLink {
    /// Starts a proxy for the server at this address. Everything passes at first.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("no port for the proxy")?;
        let address = listener.local_addr().context("a bound socket")?;
        let pass: Decide = Box::new(|_| Fate::Passes);
        let decide = Arc::new(Mutex::new(pass));
        let serving = tokio::spawn(serve(listener, target, Arc::clone(&decide)));
        Ok(Self {
            address,
            decide,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// The connection string through this proxy.
    #[must_use]
    pub fn uri(&self, direct: &str, server: &str) -> String {
        direct.replace(server, &self.address.to_string())
    }

    /// Lets `decide` choose how each later command is handled. The first field of a command is its name.
    pub fn decide(&self, decide: impl FnMut(&Document) -> Fate + Send + 'static) {
        *self.decide.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(decide);
    }
}

impl std::fmt::Debug for MongoLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MongoLink").finish_non_exhaustive()
    }
}

async fn serve(listener: TcpListener, target: SocketAddr, decide: Arc<Mutex<Decide>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                let connection = forward(client, target, Arc::clone(&decide));
                connections.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection of the MongoDB proxy ended");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Forwards one connection until either side closes it, a response is lost, or a message cannot be parsed.
async fn forward(client: TcpStream, target: SocketAddr, decide: Arc<Mutex<Decide>>) -> Result<()> {
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (responses, queue) = mpsc::channel(16);
    let lost = Lost::default();
    tokio::select! {
        ended = forward_requests(from_client, to_server, responses.clone(), &lost, &decide) => ended,
        ended = queue_responses(from_server, responses, &lost) => ended,
        ended = write_responses(to_client, queue) => ended,
    }
}

/// The responses to lose, by the id of their request.
type Lost = Mutex<HashMap<i32, Fate>>;

async fn forward_requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    responses: mpsc::Sender<Message>,
    lost: &Lost,
    decide: &Mutex<Decide>,
) -> Result<()> {
    loop {
        let message = Message::read(&mut client).await?;
        let fate = message.command()?.map_or(Fate::Passes, |command| {
            decide.lock().unwrap_or_else(PoisonError::into_inner)(&command)
        });
        let id = message.id()?;
        match fate {
            Fate::Passes => {}
            Fate::Answered(document) => {
                responses.send(Message::response(id, &document)?).await?;
                continue;
            }
            fate => {
                let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.insert(id, fate);
            }
        }
        server.write_all(&message.0).await?;
    }
}

async fn queue_responses(
    mut server: OwnedReadHalf,
    responses: mpsc::Sender<Message>,
    lost: &Lost,
) -> Result<()> {
    loop {
        let message = Message::read(&mut server).await?;
        let fate = {
            let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
            lost.remove(&message.response_to()?)
        };
        match fate {
            None => responses.send(message).await?,
            Some(Fate::AnswerWithheld) => {}
            Some(_) => bail!("the response is lost"),
        }
    }
}

async fn write_responses(
    mut client: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Message>,
) -> Result<()> {
    while let Some(message) = queue.recv().await {
        client.write_all(&message.0).await?;
    }
    Ok(())
}
