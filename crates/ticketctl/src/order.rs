//! `order trace`: everything that happened to one order in all services, by time.
//!
//! Events with their times are in the stream, the present state is in the databases and the queue, and attempts to
//! charge cards are at Stripe, if its key is given.

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
use crate::dead_letters::DeadLetterStream;
use crate::events::Events;
use crate::failure::{Failure, Finding};
use crate::output::Output;
use documents::{Documents, ShownDocument};
use timeline::{Step, Timeline};

/// The events that may concern an order.
const SUBJECTS: [Subject; 6] = [
    Subject::TicketUpdated,
    Subject::OrderCreated,
    Subject::OrderCancelled,
    Subject::PaymentCreated,
    Subject::PaymentRefunded,
    Subject::ExpirationComplete,
];

/// How many dead letters are searched.
const DEAD_LETTERS: usize = 1_000;

/// The JSON output.
#[derive(Debug, Serialize)]
struct Trace {
    order: String,
    /// The steps, the earliest first.
    timeline: Vec<Step>,
    /// The present documents.
    now: Vec<ShownDocument>,
    /// What was not read.
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
    add_events(connections, &mut timeline, id).await?;
    add_dead_letters(connections, &mut timeline, id).await?;
    let mut unknown = documents.unknown().to_vec();
    match connections.stripe() {
        Some(stripe) => money::add_attempts(&stripe, &mut timeline, id, created_at(id)).await?,
        None => unknown.push("attempts to charge cards (STRIPE_KEY is not set)".to_owned()),
    }
    documents.add_to(&mut timeline);
    let trace = Trace {
        order: id.to_hex(),
        timeline: timeline.in_order(),
        now: documents.shown(),
        unknown,
    };
    if trace.timeline.is_empty() && trace.now.is_empty() {
        eprintln!("no service knows order {id}");
        return Ok(Finding::Wrong);
    }
    if output.is_json() {
        output.json(&trace)?;
    } else {
        show::print(output, &trace)?;
    }
    Ok(Finding::Fine)
}

/// When the order was created, to the second, which its id contains.
fn created_at(id: ObjectId) -> Timestamp {
    Timestamp::from_milliseconds(id.timestamp().timestamp_millis())
}

async fn add_events(
    connections: &Connections,
    timeline: &mut Timeline,
    id: ObjectId,
) -> Result<(), Failure> {
    let (access, jetstream) = connections.jetstream().await?;
    let mut events =
        Events::since(&access, &jetstream, &SUBJECTS, created_at(id).min(now())).await?;
    while let Some(event) = events.next(false).await? {
        timeline.event(&event);
    }
    Ok(())
}

async fn add_dead_letters(
    connections: &Connections,
    timeline: &mut Timeline,
    id: ObjectId,
) -> Result<(), Failure> {
    let (letters, _) = DeadLetterStream::open(connections)
        .await?
        .oldest(DEAD_LETTERS)
        .await?;
    let id = id.to_hex();
    for letter in letters.iter().filter(|letter| letter.event.names(&id)) {
        timeline.dead_letter(letter);
    }
    Ok(())
}
