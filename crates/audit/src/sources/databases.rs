//! Reads the documents of all services: whole collections, pages of ids, or the documents of some ids.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use bson::oid::ObjectId;
use bson::{Document, doc};
use futures::TryStreamExt;
use mongodb::{Collection, Cursor, Database};
use serde::de::DeserializeOwned;

use crate::access::{DatabaseUris, open_database, within_timeout};
use crate::documents::{Order, OrderReplica, Payment, Reservation, Ticket, User};
use crate::snapshot::Databases;

/// Documents per round trip.
const BATCH: u32 = 10_000;

#[derive(Debug, Clone)]
pub(crate) struct DatabaseSource {
    auth: Database,
    tickets: Database,
    orders: Database,
    payments: Database,
}

/// A collection whose `_id` is the id of a ticket or of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyed {
    Tickets,
    TicketReplicas,
    Reservations,
    Orders,
    OrderReplicas,
    Payments,
}

impl DatabaseSource {
    pub(super) async fn open(uris: &DatabaseUris) -> Result<Self> {
        Ok(Self {
            auth: open_database(&uris.auth, "auth").await?,
            tickets: open_database(&uris.tickets, "tickets").await?,
            orders: open_database(&uris.orders, "orders").await?,
            payments: open_database(&uris.payments, "payments").await?,
        })
    }

    fn keyed<D: Send + Sync>(&self, keyed: Keyed) -> Collection<D> {
        match keyed {
            Keyed::Tickets => self.tickets.collection("tickets"),
            Keyed::TicketReplicas => self.orders.collection("tickets"),
            Keyed::Reservations => self.orders.collection("reservations"),
            Keyed::Orders => self.orders.collection("orders"),
            Keyed::OrderReplicas => self.payments.collection("orders"),
            Keyed::Payments => self.payments.collection("payments"),
        }
    }

    /// All documents that have versions.
    pub(super) async fn versioned(&self) -> Result<Databases> {
        let all = doc! {};
        let (tickets, ticket_replicas, orders, order_replicas, payments) = tokio::try_join!(
            self.find(Keyed::Tickets, all.clone()),
            self.find(Keyed::TicketReplicas, all.clone()),
            self.find(Keyed::Orders, all.clone()),
            self.find(Keyed::OrderReplicas, all.clone()),
            self.find(Keyed::Payments, all.clone()),
        )?;
        Ok(Databases {
            tickets: by_id(tickets, |ticket: &Ticket| ticket.id),
            ticket_replicas: by_id(ticket_replicas, |ticket: &Ticket| ticket.id),
            orders: by_id(orders, |order: &Order| order.id),
            order_replicas: by_id(order_replicas, |order: &OrderReplica| order.id),
            payments: by_id(payments, |payment: &Payment| payment.order_id),
        })
    }

    /// Email addresses by account.
    pub(super) async fn users(&self) -> Result<BTreeMap<ObjectId, String>> {
        let users = self.auth.collection::<User>("users");
        let users = read("auth.users", users.find(doc! {}).batch_size(BATCH)).await?;
        Ok(users
            .into_iter()
            .map(|user| (user.id, user.email))
            .collect())
    }

    /// All accounts ordered by address, which is indexed.
    pub(crate) async fn users_by_address(&self) -> Result<Cursor<User>> {
        let users = self.auth.collection::<User>("users");
        let fields = doc! { "email": 1 };
        let found = users
            .find(doc! {})
            .sort(doc! { "email": 1 })
            .projection(fields);
        within_timeout("auth.users", async { found.await }).await
    }

    /// Orders by ticket.
    pub(super) async fn reservations(&self) -> Result<BTreeMap<ObjectId, ObjectId>> {
        let claims: Vec<Reservation> = self.find(Keyed::Reservations, doc! {}).await?;
        let claims = claims.into_iter();
        Ok(claims
            .map(|claim| (claim.ticket_id, claim.order_id))
            .collect())
    }

    /// The documents of these ids.
    pub(crate) async fn of_ids<D>(&self, keyed: Keyed, ids: &BTreeSet<ObjectId>) -> Result<Vec<D>>
    where
        D: DeserializeOwned + Send + Sync + Unpin,
    {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().copied().collect();
        self.find(keyed, doc! { "_id": { "$in": ids } }).await
    }

    /// The next ids after this one in order, up to `limit`.
    pub(crate) async fn ids_after(
        &self,
        keyed: Keyed,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<ObjectId>> {
        let filter = after.map_or_else(Document::new, |id| doc! { "_id": { "$gt": id } });
        let found = self.keyed::<Document>(keyed);
        let found = found
            .find(filter)
            .sort(doc! { "_id": 1 })
            .projection(doc! { "_id": 1 })
            .limit(i64::try_from(limit)?);
        let found = read(&format!("{keyed:?}"), found).await?;
        let ids = found.iter().map(|document| document.get_object_id("_id"));
        Ok(ids.collect::<Result<_, _>>()?)
    }

    async fn find<D>(&self, keyed: Keyed, filter: Document) -> Result<Vec<D>>
    where
        D: DeserializeOwned + Send + Sync + Unpin,
    {
        let documents = self.keyed::<D>(keyed);
        let found = documents.find(filter).batch_size(BATCH);
        read(&format!("{keyed:?}"), found).await
    }
}

async fn read<D>(
    what: &str,
    found: impl IntoFuture<Output = mongodb::error::Result<Cursor<D>>, IntoFuture: Send> + Send,
) -> Result<Vec<D>>
where
    D: DeserializeOwned + Send + Sync + Unpin,
{
    let found = async { found.into_future().await?.try_collect().await };
    within_timeout(what, found).await
}

/// The documents by their ids.
pub(crate) fn by_id<D>(documents: Vec<D>, id: fn(&D) -> ObjectId) -> BTreeMap<ObjectId, D> {
    documents
        .into_iter()
        .map(|document| (id(&document), document))
        .collect()
}
