//! Messages of MongoDB's wire protocol (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>).

use anyhow::{Context, Result, bail, ensure};
use bson::Document;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

/// A header has four integers: the message's length, its id, the id that it responds to, and its opcode.
const HEADER: usize = 16;
const ID: usize = 4;
const RESPONSE_TO: usize = 8;
const OPCODE: usize = 12;

/// The limit of a server.
const MAX_LENGTH: usize = 48_000_000;

/// The opcode of a command.
const OP_MSG: i32 = 2013;

/// The opcode of a driver's first `hello`.
const OP_QUERY: i32 = 2004;

/// The flag of a message that ends with a checksum, and the checksum's length.
const CHECKSUM_PRESENT: i32 = 1;
const CHECKSUM: usize = 4;

const TRUNCATED: &str = "the message ends too early";

/// A whole message.
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) async fn read(from: &mut OwnedReadHalf) -> Result<Self> {
        let mut bytes = vec![0; HEADER];
        from.read_exact(&mut bytes).await?;
        let length = usize::try_from(integer(&mut &bytes[..])?)?;
        ensure!(
            (HEADER..=MAX_LENGTH).contains(&length),
            "a message of {length} bytes"
        );
        bytes.resize(length, 0);
        from.read_exact(&mut bytes[HEADER..]).await?;
        Ok(Self(bytes))
    }

    /// The response to the request with this id.
    pub(super) fn response(id: i32, document: &Document) -> Result<Self> {
        // No flags, and one section with one document.
        let mut body = vec![0; 5];
        document.to_writer(&mut body)?;
        let length = i32::try_from(HEADER + body.len())?;
        let header = [length, 0, id, OP_MSG].map(i32::to_le_bytes);
        Ok(Self([header.concat(), body].concat()))
    }

    pub(super) fn id(&self) -> Result<i32> {
        integer(&mut &self.0[ID..])
    }

    pub(super) fn response_to(&self) -> Result<i32> {
        integer(&mut &self.0[RESPONSE_TO..])
    }

    /// The command with its document sequences as fields; `None` for a driver's first `hello`.
    pub(super) fn command(&self) -> Result<Option<Document>> {
        match integer(&mut &self.0[OPCODE..])? {
            OP_MSG => sections(&self.0[HEADER..]).map(Some),
            OP_QUERY => Ok(None),
            opcode => bail!("a message with the opcode {opcode}"),
        }
    }
}

fn sections(mut body: &[u8]) -> Result<Document> {
    if integer(&mut body)? & CHECKSUM_PRESENT != 0 {
        let end = body.len().checked_sub(CHECKSUM).context(TRUNCATED)?;
        body = &body[..end];
    }
    let (mut command, mut sequences) = (Document::new(), Document::new());
    while let Some((kind, rest)) = body.split_first() {
        body = rest;
        match kind {
            0 => command = Document::from_reader(&mut body)?,
            1 => {
                let (name, documents) = sequence(&mut body)?;
                sequences.insert(name, documents);
            }
            _ => bail!("a section of kind {kind}"),
        }
    }
    command.extend(sequences);
    Ok(command)
}

/// A document sequence: the name of its field, and the documents.
fn sequence(body: &mut &[u8]) -> Result<(String, Vec<Document>)> {
    let length = usize::try_from(integer(body)?)?;
    let length = length.checked_sub(size_of::<i32>()).context(TRUNCATED)?;
    let (sequence, rest) = body.split_at_checked(length).context(TRUNCATED)?;
    *body = rest;
    let end = sequence.iter().position(|byte| *byte == 0);
    let (name, mut rest) = sequence.split_at(end.context("a name without an end")?);
    rest = &rest[1..];
    let mut documents = Vec::new();
    while !rest.is_empty() {
        documents.push(Document::from_reader(&mut rest)?);
    }
    Ok((std::str::from_utf8(name)?.to_owned(), documents))
}

/// Takes an integer from the beginning.
fn integer(bytes: &mut &[u8]) -> Result<i32> {
    let (integer, rest) = bytes.split_first_chunk().context(TRUNCATED)?;
    *bytes = rest;
    Ok(i32::from_le_bytes(*integer))
}
