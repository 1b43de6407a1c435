//! Data for a measurement, written directly into the databases in the form that the services store.

use anyhow::Result;
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use futures::stream::{self, TryStreamExt};
use mongodb::Collection;

use crate::lab::Lab;

/// The number of documents in an insert command, and the number of concurrent commands.
const BATCH: usize = 1_000;
const CONCURRENCY: usize = 4;

/// An order and its ticket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeded {
    pub(crate) order: ObjectId,
    pub(crate) ticket: ObjectId,
    pub(crate) buyer: ObjectId,
    pub(crate) expires_at: DateTime,
}

/// Inserts tickets for sale and their replicas.
pub(crate) async fn tickets(lab: &Lab, count: usize, seller: ObjectId) -> Result<Vec<ObjectId>> {
    let ids: Vec<_> = (0..count).map(|_| ObjectId::new()).collect();
    let (tickets, replicas) = (
        lab.collection("tickets", "tickets"),
        lab.collection("orders", "tickets"),
    );
    insert(
        &tickets,
        ids.iter().map(|id| ticket(*id, seller, Bson::Null, 0)),
    )
    .await?;
    insert(
        &replicas,
        ids.iter().map(|id| replica(*id, seller, Bson::Null, 0)),
    )
    .await?;
    Ok(ids)
}

/// Inserts tickets for sale without replicas, which lists do not need.
pub(crate) async fn listed(lab: &Lab, count: usize) -> Result<()> {
    let (tickets, seller) = (lab.collection("tickets", "tickets"), ObjectId::new());
    let new = (0..count).map(|_| ticket(ObjectId::new(), seller, Bson::Null, 0));
    insert(&tickets, new).await
}

/// Inserts paid orders and their reservations.
pub(crate) async fn sold(lab: &Lab, count: usize) -> Result<()> {
    let new: Vec<_> = (0..count)
        .map(|_| Seeded {
            order: ObjectId::new(),
            ticket: ObjectId::new(),
            buyer: ObjectId::new(),
            expires_at: DateTime::now(),
        })
        .collect();
    let orders = lab.collection("orders", "orders");
    insert(&orders, new.iter().map(|seeded| order(seeded, "complete"))).await?;
    let reservations = lab.collection("orders", "reservations");
    insert(&reservations, new.iter().map(reservation)).await
}

/// Inserts unpaid orders, their tickets, and all replicas except those that the orders' events create.
pub(crate) async fn running(lab: &Lab, seeded: &[Seeded]) -> Result<()> {
    let held = |seeded: &Seeded| (seeded.ticket, Bson::ObjectId(seeded.order));
    let tickets = seeded.iter().map(held);
    insert(
        &lab.collection("tickets", "tickets"),
        tickets.clone().map(|(id, order)| ticket(id, id, order, 1)),
    )
    .await?;
    insert(
        &lab.collection("orders", "tickets"),
        tickets.map(|(id, order)| replica(id, id, order, 1)),
    )
    .await?;
    insert(
        &lab.collection("orders", "reservations"),
        seeded.iter().map(reservation),
    )
    .await?;
    insert(
        &lab.collection("orders", "orders"),
        seeded.iter().map(|seeded| order(seeded, "created")),
    )
    .await
}

fn ticket(id: ObjectId, seller: ObjectId, order: Bson, version: i64) -> Document {
    let mut ticket = replica(id, seller, order, version);
    ticket.insert("released", Vec::<ObjectId>::new());
    ticket.insert("outbox", Vec::<Document>::new());
    ticket
}

fn replica(id: ObjectId, seller: ObjectId, order: Bson, version: i64) -> Document {
    doc! {
        "_id": id,
        "title": format!("Seat {id}"),
        "price_cents": 1_999_i64,
        "user_id": seller,
        "order_id": order,
        "version": version,
    }
}

fn reservation(seeded: &Seeded) -> Document {
    doc! { "_id": seeded.ticket, "order_id": seeded.order, "user_id": seeded.buyer }
}

fn order(seeded: &Seeded, status: &str) -> Document {
    doc! {
        "_id": seeded.order,
        "user_id": seeded.buyer,
        "status": status,
        "expires_at": seeded.expires_at,
        "ticket": {
            "id": seeded.ticket,
            "title": format!("Seat {}", seeded.ticket),
            "price_cents": 1_999_i64,
            "version": 0_i64,
        },
        "reason": null,
        "version": 0_i64,
        "outbox": [],
    }
}

async fn insert(
    collection: &Collection<Document>,
    documents: impl Iterator<Item = Document>,
) -> Result<()> {
    let mut documents = documents.peekable();
    let batches = std::iter::from_fn(|| {
        documents.peek()?;
        Some(Ok(documents.by_ref().take(BATCH).collect::<Vec<_>>()))
    });
    stream::iter(batches)
        .try_for_each_concurrent(CONCURRENCY, async |batch| {
            collection.insert_many(batch).ordered(false).await?;
            anyhow::Ok(())
        })
        .await
}
