//! A proxy for MongoDB that reads the commands passing through it. It can answer a command itself, or lose the server's
//! response.
//!
//! It parses `OP_MSG` messages and forwards all others unread.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use bson::Document;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

const HEADER: usize = 16;
const OP_MSG: i32 = 2_013;
/// Larger than any MongoDB message.
const MAX_LENGTH: usize = 64 * 1024 * 1024;

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

/// Forwards one connection until either side closes it, or a response is lost.
async fn forward(client: TcpStream, target: SocketAddr, decide: Arc<Mutex<Decide>>) -> Result<()> {
    let server = TcpStream::connect(target).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (responses, queue) = mpsc::channel(16);
    let lost = Arc::default();
    tokio::select! {
        ended = requests(from_client, to_server, responses.clone(), &lost, &decide) => ended,
        ended = replies(from_server, responses, &lost) => ended,
        ended = write(to_client, queue) => ended,
    }
}

/// The responses to lose, by the id of their request.
type Lost = Mutex<HashMap<i32, Fate>>;

async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    responses: mpsc::Sender<Vec<u8>>,
    lost: &Lost,
    decide: &Mutex<Decide>,
) -> Result<()> {
    loop {
        let message = read(&mut client).await?;
        let fate = command(&message).map_or(Fate::Passes, |command| {
            decide.lock().unwrap_or_else(PoisonError::into_inner)(&command)
        });
        let id = integer(&message, 4);
        match fate {
            Fate::Passes => {}
            Fate::Answered(document) => {
                responses.send(response(id, &document)?).await?;
                continue;
            }
            fate => {
                let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.insert(id, fate);
            }
        }
        server.write_all(&message).await?;
    }
}

async fn replies(
    mut server: OwnedReadHalf,
    responses: mpsc::Sender<Vec<u8>>,
    lost: &Lost,
) -> Result<()> {
    loop {
        let message = read(&mut server).await?;
        let fate = {
            let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
            lost.remove(&integer(&message, 8))
        };
        match fate {
            None => responses.send(message).await?,
            Some(Fate::AnswerWithheld) => {}
            Some(_) => bail!("the response is lost"),
        }
    }
}

async fn write(mut client: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) -> Result<()> {
    while let Some(message) = queue.recv().await {
        client.write_all(&message).await?;
    }
    Ok(())
}

/// Reads a message: its length, its id, the id that it responds to, its opcode and its content.
async fn read(from: &mut OwnedReadHalf) -> Result<Vec<u8>> {
    let mut message = vec![0; HEADER];
    from.read_exact(&mut message).await?;
    let length = usize::try_from(integer(&message, 0))?;
    ensure!((HEADER..=MAX_LENGTH).contains(&length), "not a message");
    message.resize(length, 0);
    from.read_exact(&mut message[HEADER..]).await?;
    Ok(message)
}

fn integer(message: &[u8], at: usize) -> i32 {
    let bytes = message
        .get(at..at + 4)
        .and_then(|four| four.try_into().ok());
    bytes.map_or(0, i32::from_le_bytes)
}

/// The command document. A message may also contain documents to write.
fn command(message: &[u8]) -> Option<Document> {
    if integer(message, 12) != OP_MSG {
        return None;
    }
    // The flags are followed by sections: one document (0), or a named sequence of documents (1).
    let mut sections = message.get(HEADER + 4..)?;
    loop {
        let (kind, rest) = sections.split_first()?;
        let length = usize::try_from(integer(rest, 0)).ok()?;
        if *kind == 0 {
            return Document::from_reader(rest.get(..length)?).ok();
        }
        sections = rest.get(length..)?;
    }
}

/// A message that responds to this request.
fn response(id: i32, document: &Document) -> Result<Vec<u8>> {
    let mut content = vec![0; 5];
    document.to_writer(&mut content)?;
    let length = i32::try_from(HEADER + content.len())?;
    let mut message = Vec::new();
    for part in [length, 0, id, OP_MSG] {
        message.extend(part.to_le_bytes());
    }
    message.extend(content);
    Ok(message)
}
