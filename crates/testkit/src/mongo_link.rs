//! A link to MongoDB that reads the commands passing through it: a command may be answered in the server's place, or its
//! answer may be lost.
//!
//! It speaks as much of the wire protocol as that needs: messages with one document (`OP_MSG`). Everything else passes.

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
/// Larger than any message that MongoDB sends.
const LONGEST: usize = 64 * 1024 * 1024;

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It passes, and so does its answer.
    Passes,
    /// The server never sees it; the client receives this answer.
    Answered(Document),
    /// The server handles it, and the connection breaks before the answer.
    AnswerLost,
    /// The server handles it, and the client waits for the answer in vain.
    AnswerWithheld,
}

impl Fate {
    /// The server refuses the command with this code.
    #[must_use]
    pub fn refused(code: i32, message: &str) -> Self {
        Self::Answered(bson::doc! { "ok": 0.0, "code": code, "errmsg": message })
    }
}

type Decide = Box<dyn FnMut(&Document) -> Fate + Send>;

/// The link. Dropping it ends it, and all its connections.
pub struct MongoLink {
    address: SocketAddr,
    decide: Arc<Mutex<Decide>>,
    _serving: AbortOnDropHandle<()>,
}

impl MongoLink {
    /// A link to the server at this address, on which everything passes.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("no port for a link")?;
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

    /// The connection string, by way of this link.
    #[must_use]
    pub fn uri(&self, direct: &str, server: &str) -> String {
        direct.replace(server, &self.address.to_string())
    }

    /// From now on `decide` says what becomes of each command. The first field of a command is its name.
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
                let connection = carry(client, target, Arc::clone(&decide));
                connections.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection of a link ended");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until either side ends it, or an answer is lost.
async fn carry(client: TcpStream, target: SocketAddr, decide: Arc<Mutex<Decide>>) -> Result<()> {
    let server = TcpStream::connect(target).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (answers, answered) = mpsc::channel(16);
    let lost = Arc::default();
    tokio::select! {
        ended = ask(from_client, to_server, answers.clone(), &lost, &decide) => ended,
        ended = answer(from_server, answers, &lost) => ended,
        ended = write(to_client, answered) => ended,
    }
}

/// The answers that do not arrive, by the number of their request.
type Lost = Mutex<HashMap<i32, Fate>>;

async fn ask(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    answers: mpsc::Sender<Vec<u8>>,
    lost: &Lost,
    decide: &Mutex<Decide>,
) -> Result<()> {
    loop {
        let message = read(&mut client).await?;
        let fate = command(&message).map_or(Fate::Passes, |command| {
            decide.lock().unwrap_or_else(PoisonError::into_inner)(&command)
        });
        let number = integer(&message, 4);
        match fate {
            Fate::Passes => {}
            Fate::Answered(document) => {
                answers.send(in_answer_to(number, &document)?).await?;
                continue;
            }
            dropped => {
                let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.insert(number, dropped);
            }
        }
        server.write_all(&message).await?;
    }
}

async fn answer(
    mut server: OwnedReadHalf,
    answers: mpsc::Sender<Vec<u8>>,
    lost: &Lost,
) -> Result<()> {
    loop {
        let message = read(&mut server).await?;
        let fate = {
            let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
            lost.remove(&integer(&message, 8))
        };
        match fate {
            None => answers.send(message).await?,
            Some(Fate::AnswerWithheld) => {}
            Some(_) => bail!("the answer is lost"),
        }
    }
}

async fn write(mut client: OwnedWriteHalf, mut answers: mpsc::Receiver<Vec<u8>>) -> Result<()> {
    while let Some(message) = answers.recv().await {
        client.write_all(&message).await?;
    }
    Ok(())
}

/// A whole message: its length, its number, the number that it answers, what kind it is, and its content.
async fn read(from: &mut OwnedReadHalf) -> Result<Vec<u8>> {
    let mut message = vec![0; HEADER];
    from.read_exact(&mut message).await?;
    let length = usize::try_from(integer(&message, 0))?;
    ensure!((HEADER..=LONGEST).contains(&length), "no message");
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

/// The document of a command, which stands beside the documents that it writes.
fn command(message: &[u8]) -> Option<Document> {
    if integer(message, 12) != OP_MSG {
        return None;
    }
    // After the flags come sections: one document (0), or several under a name (1).
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

fn in_answer_to(number: i32, document: &Document) -> Result<Vec<u8>> {
    let mut content = vec![0; 5];
    document.to_writer(&mut content)?;
    let length = i32::try_from(HEADER + content.len())?;
    let mut message = Vec::new();
    for part in [length, 0, number, OP_MSG] {
        message.extend(part.to_le_bytes());
    }
    message.extend(content);
    Ok(message)
}
