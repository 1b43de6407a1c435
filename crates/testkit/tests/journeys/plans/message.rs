//! What a client sends to MongoDB: commands, in messages of its wire protocol
//! (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>).

use anyhow::{Context, Result, bail, ensure};
use bson::Document;

/// The bytes before each message's body: its length, its id, the id that it answers, and its kind.
pub(super) const HEADER: usize = 16;

/// The longest message that a server takes.
const LONGEST: usize = 48_000_000;

/// The kind of a message that has a command in it.
const OP_MSG: u32 = 2013;

/// The kind by which drivers ask a server that they meet what it can do.
const OP_QUERY: u32 = 2004;

/// The flag of a message that ends with a checksum, and how long that is.
const CHECKSUM_PRESENT: u32 = 1;
const CHECKSUM: usize = 4;

const CUT_OFF: &str = "the message ends too early";

/// How long the message is that begins with this header.
pub(super) fn length(header: [u8; HEADER]) -> Result<usize> {
    let length = usize::try_from(number(&mut &header[..])?)?;
    ensure!(
        (HEADER..=LONGEST).contains(&length),
        "a message of {length} bytes"
    );
    Ok(length)
}

/// The command in a message, with all that belongs to it; `None` if it is a question about the server.
pub(super) fn command(mut message: &[u8]) -> Result<Option<Document>> {
    for _length_and_ids in 0..3 {
        number(&mut message)?;
    }
    match number(&mut message)? {
        OP_MSG => sections(message).map(Some),
        OP_QUERY => Ok(None),
        kind => bail!("a message of kind {kind}"),
    }
}

/// The command's document, and in it what was sent beside it.
fn sections(mut body: &[u8]) -> Result<Document> {
    if number(&mut body)? & CHECKSUM_PRESENT != 0 {
        let end = body.len().checked_sub(CHECKSUM).context(CUT_OFF)?;
        body = &body[..end];
    }
    let (mut command, mut beside) = (Document::new(), Document::new());
    while let Some((kind, rest)) = body.split_first() {
        body = rest;
        match kind {
            0 => command = Document::from_reader(&mut body)?,
            1 => {
                let (name, documents) = sequence(&mut body)?;
                beside.insert(name, documents);
            }
            _ => bail!("a section of kind {kind}"),
        }
    }
    command.extend(beside);
    Ok(command)
}

/// A list that was sent beside the command: the name of the field that it is, and its documents.
fn sequence(body: &mut &[u8]) -> Result<(String, Vec<Document>)> {
    let length = usize::try_from(number(body)?)?;
    let length = length.checked_sub(size_of::<u32>()).context(CUT_OFF)?;
    let (sequence, rest) = body.split_at_checked(length).context(CUT_OFF)?;
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

/// Takes a number off the beginning.
fn number(bytes: &mut &[u8]) -> Result<u32> {
    let (number, rest) = bytes.split_first_chunk().context(CUT_OFF)?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*number))
}
