//! Releases: replicas of a service that run side by side and know different subjects.

use bson::{Document, doc};
use common::id::kind;
use common::{Id, Subject};
use mongo::object_id;

use crate::memory::Memory;
use crate::world::World;

/// How many services in a hundred run two releases side by side.
const SIDE_BY_SIDE: u64 = 40;

/// The subject of an event that no running release knows, because the release that wrote it was rolled back.
const ROLLED_BACK: &str = "ticket:archived";

/// A release of a service.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Release {
    /// The subject that it does not know, and the other release does.
    unknown: Option<Subject>,
}

impl Release {
    /// The releases of a service's replicas: an older one first, or all the same.
    pub(crate) fn of_replicas(world: &World) -> impl Iterator<Item = Self> {
        let unknown = world.percent(SIDE_BY_SIDE).then(|| {
            let drawn = world.below(Subject::ALL.len() as u64);
            Subject::ALL[usize::try_from(drawn).expect("there are few")]
        });
        std::iter::once(Self { unknown }).chain(std::iter::repeat(Self::default()))
    }

    /// Whether it publishes and handles events of this subject.
    pub(crate) fn knows(self, subject: Subject) -> bool {
        self.unknown != Some(subject)
    }
}

/// Writes a damaged event to a ticket's outbox, and one that only a release that was rolled back could publish. Returns
/// how many.
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
    assert!(pushed.expect("memory can be written"), "the ticket exists");
    number
}

/// Whether the outbox's entry of this id waits for a release that knows it, or for a repair.
pub(crate) fn is_unpublishable(id: &str) -> bool {
    id == ROLLED_BACK
}
