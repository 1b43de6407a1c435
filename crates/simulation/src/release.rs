//! Releases: replicas of a service that run side by side and do not know the same subjects.

use bson::{Document, doc};
use common::id::kind;
use common::{Id, Subject};
use mongo::object_id;

use crate::memory::Memory;
use crate::world::World;

/// How often in a hundred two releases run side by side.
const SIDE_BY_SIDE: u64 = 40;

/// The subject of an event that no running release knows: whoever wrote it was rolled back.
const ROLLED_BACK: &str = "ticket:archived";

/// A release of a service.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Release {
    /// The subject that it does not know, although the release beside it does.
    unknown: Option<Subject>,
}

impl Release {
    /// The releases of a service's replicas: all the same, or an older one first.
    pub(crate) fn of_replicas(world: &World) -> impl Iterator<Item = Self> {
        let unknown = world.percent(SIDE_BY_SIDE).then(|| {
            let drawn = world.below(Subject::ALL.len() as u64);
            Subject::ALL[usize::try_from(drawn).expect("there are few")]
        });
        std::iter::once(Self { unknown }).chain(std::iter::repeat(Self::default()))
    }

    /// Whether it publishes and handles such events.
    pub(crate) fn knows(self, subject: Subject) -> bool {
        self.unknown != Some(subject)
    }
}

/// Leaves an event in a ticket's outbox as a process of a release does that is rolled back before it publishes, and one that
/// is damaged. Gives how many those are.
pub(crate) async fn roll_back(tickets: &Memory, world: &World, ticket: Id<kind::Ticket>) -> usize {
    let database = tickets.reached_by(world.outsider()).database();
    let time = bson::DateTime::from_millis(0);
    let unknown = doc! { "id": ROLLED_BACK, "subject": ROLLED_BACK, "body": "{}", "time": time };
    let known = Subject::TicketUpdated.as_str();
    let damaged = doc! { "id": ROLLED_BACK, "subject": known, "body": 7, "time": time };
    let entries = [damaged, unknown];
    let number = entries.len();
    let push = doc! { "$push": { "outbox": { "$each": entries.to_vec() } } };
    let tickets = database.collection::<Document>("tickets");
    let one = doc! { "_id": object_id(ticket) };
    let pushed = tickets.update_one(one, push, false).await;
    assert!(pushed.expect("memory writes"), "the ticket exists");
    number
}

/// Whether an entry of an outbox waits for a release that knows it, or for somebody who repairs it.
pub(crate) fn is_left(entry: &Document) -> bool {
    entry.get_str("id").is_ok_and(|id| id == ROLLED_BACK)
}
