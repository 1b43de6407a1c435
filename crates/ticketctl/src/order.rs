//! `order trace`: everything that happened to one order in all services, in order.
//!
//! What happened is in the stream, with the time at which it happened. What is now is in the databases and in the queue.
//! When cards were tried Stripe knows, if it may be asked.

mod documents;
mod money;
mod show;
mod timeline;

use audit::access::now;
use bson::oid::ObjectId;
use common::id::kind;
use common::{Id, Subject, Timestamp};
use serde::Serialize;

use crate::connections::Connections;
use crate::dead_letters::Letters;
use crate::events::Events;
use crate::failure::{Failure, Finding};
use crate::output::Output;
use documents::{Documents, ShownDocument};
use timeline::{Moment, Timeline};

/// What can tell of an order.
const SUBJECTS: [Subject; 6] = [
    Subject::TicketUpdated,
    Subject::OrderCreated,
    Subject::OrderCancelled,
    Subject::PaymentCreated,
    Subject::PaymentRefunded,
    Subject::ExpirationComplete,
];

/// How many dead letters are looked through.
const LETTERS: usize = 1_000;

/// All of it, as programs read it.
#[derive(Debug, Serialize)]
struct Trace {
    order: String,
    /// What happened, the earliest first.
    timeline: Vec<Moment>,
    /// What each service has of it now.
    now: Vec<ShownDocument>,
    /// What was not looked at.
    unknown: Vec<String>,
}

pub(crate) async fn trace(
    connections: &Connections,
    output: &Output,
    order: Id<kind::Order>,
) -> Result<Finding, Failure> {
    let id = ObjectId::from_bytes(order.bytes());
    let documents = Documents::read(connections, id).await?;
    let mut timeline = Timeline::new(id, documents.ticket());
    tell_events(connections, &mut timeline, id).await?;
    tell_letters(connections, &mut timeline, id).await?;
    let mut unknown = documents.unknown().to_vec();
    match connections.stripe() {
        Some(stripe) => money::tell(&stripe, &mut timeline, id, made(id)).await?,
        None => unknown.push("when cards were tried (STRIPE_KEY)".to_owned()),
    }
    documents.tell(&mut timeline);
    let trace = Trace {
        order: id.to_hex(),
        timeline: timeline.in_order(),
        now: documents.shown(),
        unknown,
    };
    if trace.timeline.is_empty() && trace.now.is_empty() {
        eprintln!("nobody knows of an order {id}");
        return Ok(Finding::Wrong);
    }
    if output.is_json() {
        output.json(&trace)?;
    } else {
        show::print(output, &trace)?;
    }
    Ok(Finding::Fine)
}

/// When the order was made, to the second, as its id says.
fn made(id: ObjectId) -> Timestamp {
    Timestamp::from_milliseconds(id.timestamp().timestamp_millis())
}

async fn tell_events(
    connections: &Connections,
    timeline: &mut Timeline,
    id: ObjectId,
) -> Result<(), Failure> {
    let (access, jetstream) = connections.jetstream().await?;
    let mut events = Events::since(&access, &jetstream, &SUBJECTS, made(id).min(now())).await?;
    while let Some(told) = events.next(false).await? {
        timeline.event(&told);
    }
    Ok(())
}

async fn tell_letters(
    connections: &Connections,
    timeline: &mut Timeline,
    id: ObjectId,
) -> Result<(), Failure> {
    let (letters, _) = Letters::open(connections).await?.oldest(LETTERS).await?;
    let id = id.to_hex();
    for letter in letters.iter().filter(|letter| letter.event.names(&id)) {
        timeline.letter(letter);
    }
    Ok(())
}
