//! Tickets in MongoDB.

mod document;
mod listing;
mod search_keys;

use std::time::Duration;

use bson::{Document, doc};
use common::Id;
use common::api::tickets::TicketListing;
use common::id::kind;
use messaging::resync::{Snapshot, snapshot_of};
use messaging::{Changes, OutboxCollection, Publisher, Relay};
use mongo::{Database, Find, StoreError, object_id, stored_version};
use mongodb::IndexModel;
use telemetry::metrics::{Counter, Metrics};
use web::PageRequest;

use crate::domain::Ticket;
use crate::metrics::{
    TICKETS_CREATED, TICKETS_EDITED, TICKETS_HELD, TICKETS_RELEASED, TICKETS_WITHDRAWN,
};
use document::TicketDocument;
pub(crate) use listing::Position;

/// How many cancelled orders a ticket remembers. An event could be misread only if it is delayed past this many
/// cancellations of the same ticket, and the orders service would correct that.
const REMEMBERED_RELEASES: i32 = 64;

/// The time limit of a list query, since a search through many titles may be slow.
const LIST_LIMIT: Duration = Duration::from_secs(2);

/// The tickets collection.
#[derive(Debug, Clone)]
pub(crate) struct TicketStore {
    tickets: OutboxCollection<TicketDocument>,
    metrics: TicketMetrics,
}

/// Counters of changes. A change is counted once it is written.
#[derive(Debug, Clone)]
struct TicketMetrics {
    created: Counter,
    edited: Counter,
    held: Counter,
    released: Counter,
    withdrawn: Counter,
}

impl TicketMetrics {
    fn new(metrics: &Metrics) -> Self {
        Self {
            created: metrics.counter(&TICKETS_CREATED),
            edited: metrics.counter(&TICKETS_EDITED),
            held: metrics.counter(&TICKETS_HELD),
            released: metrics.counter(&TICKETS_RELEASED),
            withdrawn: metrics.counter(&TICKETS_WITHDRAWN),
        }
    }
}

impl TicketStore {
    /// Opens the collection and creates its indexes.
    pub(crate) async fn open(
        database: &Database,
        relay: &mut Relay<impl Publisher>,
    ) -> Result<Self, StoreError> {
        let tickets = relay.collection(database, "tickets").await?;
        let metrics = TicketMetrics::new(&database.metrics());
        let store = Self { tickets, metrics };
        let by_seller = IndexModel::builder()
            .keys(doc! { "user_id": 1, "_id": -1 })
            .build();
        let indexes = listing::indexes().chain([by_seller]);
        store.tickets.documents().create_indexes(indexes).await?;
        Ok(store)
    }

    /// Inserts a new ticket with its event.
    pub(crate) async fn insert(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.tickets
            .insert_fresh(&ticket.into(), &[ticket.event()])
            .await?;
        self.metrics.created.increment();
        Ok(())
    }

    /// The ticket, if it exists.
    pub(crate) async fn find(&self, id: Id<kind::Ticket>) -> Result<Option<Ticket>, StoreError> {
        let found = self.tickets.documents().find_by_id(object_id(id)).await?;
        Ok(found.map(Ticket::from))
    }

    /// The tickets for sale on a page, and one more if the page is not the last.
    pub(crate) async fn list_for_sale(
        &self,
        listing: &TicketListing,
        page: &PageRequest<Position>,
    ) -> Result<Vec<Ticket>, StoreError> {
        let find = Find::matching(listing::filter(listing, page.after))
            .sort(listing::order(listing.sort))
            .limit(page.fetch())
            .max_time(LIST_LIMIT);
        self.list(find).await
    }

    /// A seller's tickets on a page, newest first, and one more if the page is not the last.
    pub(crate) async fn list_of(
        &self,
        seller: Id<kind::User>,
        page: &PageRequest<Id<kind::Ticket>>,
    ) -> Result<Vec<Ticket>, StoreError> {
        let mut filter = doc! { "user_id": object_id(seller), "withdrawn": { "$ne": true } };
        if let Some(after) = page.after {
            filter.insert("_id", doc! { "$lt": object_id(after) });
        }
        let newest_first = Find::matching(filter).sort(doc! { "_id": -1 });
        self.list(newest_first.limit(page.fetch())).await
    }

    async fn list(&self, find: Find) -> Result<Vec<Ticket>, StoreError> {
        let find = find.project(doc! { "outbox": 0, "released": 0, "search_key": 0 });
        let found = self.tickets.documents().find(find).await?;
        Ok(found.into_iter().map(Ticket::from).collect())
    }

    /// Replaces `old` by `new` and publishes the change. Returns whether `old` was still the current version.
    pub(crate) async fn replace(&self, old: &Ticket, new: &Ticket) -> Result<bool, StoreError> {
        self.write(current(old), new, Document::new(), &self.metrics.edited)
            .await
    }

    /// Like [`TicketStore::replace`], for a withdrawal.
    pub(crate) async fn withdraw(&self, old: &Ticket, new: &Ticket) -> Result<bool, StoreError> {
        self.write(current(old), new, Document::new(), &self.metrics.withdrawn)
            .await
    }

    /// Publishes the state of the ticket once more, unless the ticket changed after it was read.
    pub(crate) async fn republish(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let unchanged = doc! { "$set": { "version": stored_version(ticket.version()) } };
        let events = [ticket.event()];
        self.tickets
            .update(current(ticket), unchanged, &events)
            .await?;
        Ok(())
    }

    /// Like [`TicketStore::replace`], for a reservation by `order`. Fails too if `order` was released after `old` was
    /// read.
    pub(crate) async fn hold(
        &self,
        old: &Ticket,
        new: &Ticket,
        order: Id<kind::Order>,
    ) -> Result<bool, StoreError> {
        let mut filter = current(old);
        filter.insert("released", doc! { "$ne": object_id(order) });
        self.write(filter, new, Document::new(), &self.metrics.held)
            .await
    }

    /// Like [`TicketStore::replace`], for a release by `order`, which is remembered as released.
    pub(crate) async fn release(
        &self,
        old: &Ticket,
        new: &Ticket,
        order: Id<kind::Order>,
    ) -> Result<bool, StoreError> {
        let push = doc! { "$push": remember(order) };
        self.write(current(old), new, push, &self.metrics.released)
            .await
    }

    /// Remembers an order as released that does not hold the ticket. Returns whether it still did not hold it.
    pub(crate) async fn remember_release(
        &self,
        id: Id<kind::Ticket>,
        order: Id<kind::Order>,
    ) -> Result<bool, StoreError> {
        let mut filter = by_id(id);
        filter.insert("order_id", doc! { "$ne": object_id(order) });
        // Only once, however often the event is redelivered, since the list is bounded.
        filter.insert("released", doc! { "$ne": object_id(order) });
        let push = doc! { "$push": remember(order) };
        self.tickets.update(filter, push, &[]).await
    }

    async fn write(
        &self,
        filter: Document,
        new: &Ticket,
        mut update: Document,
        counter: &Counter,
    ) -> Result<bool, StoreError> {
        update.insert("$set", TicketDocument::from(new).changeable());
        let written = self.tickets.update(filter, update, &[new.event()]).await?;
        if written {
            counter.increment();
        }
        Ok(written)
    }

    /// The counter of this process's writes.
    pub(crate) const fn changes(&self) -> &Changes {
        self.tickets.changes()
    }

    /// The events of all tickets, for re-emission.
    pub(crate) fn snapshot(&self) -> Snapshot {
        snapshot_of(self.tickets.documents(), |stored| {
            Some(Ticket::from(stored).event())
        })
    }
}

fn by_id(id: Id<kind::Ticket>) -> Document {
    doc! { "_id": object_id(id) }
}

/// Matches the ticket if it is still in the version that was read.
fn current(ticket: &Ticket) -> Document {
    let mut filter = by_id(ticket.id());
    filter.insert("version", stored_version(ticket.version()));
    filter
}

fn remember(order: Id<kind::Order>) -> Document {
    doc! { "released": { "$each": [object_id(order)], "$slice": -REMEMBERED_RELEASES } }
}
