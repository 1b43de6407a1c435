//! A loop on the driver that commits the same writes as the services: documents of the same size, the same indexes,
//! transactions and write concern.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use clap::ValueEnum;
use mongodb::error::TRANSIENT_TRANSACTION_ERROR;
use mongodb::options::{Acknowledgment, ClientOptions, IndexOptions, ReadConcern, WriteConcern};
use mongodb::{Client, ClientSession, Collection, Database, IndexModel};

use crate::measure::{Load, measure};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The database, used by this program alone
    #[arg(long)]
    uri: String,
    /// Which writes
    #[arg(long)]
    of: Writes,
    #[command(flatten)]
    load: Load,
}

/// Operations of the services, reduced to their writes.
#[derive(Clone, Copy, ValueEnum)]
enum Writes {
    /// A new ticket: insert, empty the outbox, write the replica
    Ticket,
    /// A changed ticket: update, empty the outbox, write the replica
    Edit,
    /// The transaction that places an order
    Order,
    /// The same, and all writes that follow in the other services
    Saga,
}

/// The number of tickets that are changed in turn; more than the number of tasks.
const TICKETS: usize = 512;

/// The collections of all services, in one database.
struct Shop {
    client: Client,
    tickets: Collection<Document>,
    replicas: Collection<Document>,
    orders: Collection<Document>,
    reservations: Collection<Document>,
    payable: Collection<Document>,
    /// Changed in turn, so that no two tasks change the same ticket at the same time.
    changed: Vec<ObjectId>,
    changes: AtomicUsize,
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let shop = Arc::new(Shop::open(&arguments.uri).await?);
    measure(arguments.load, move || {
        let shop = Arc::clone(&shop);
        async move {
            match arguments.of {
                Writes::Ticket => shop.ticket(ObjectId::new()).await,
                Writes::Edit => shop.change(Bson::Null).await,
                Writes::Order => shop.order(ObjectId::new(), ObjectId::new()).await,
                Writes::Saga => shop.saga().await,
            }
        }
    })
    .await
}

impl Shop {
    async fn open(uri: &str) -> Result<Self> {
        let mut options = ClientOptions::parse(uri).await?;
        options.max_pool_size = Some(256);
        options.read_concern = Some(ReadConcern::majority());
        options.write_concern = Some(
            WriteConcern::builder()
                .w(Acknowledgment::Majority)
                .journal(true)
                .build(),
        );
        let client = Client::with_options(options)?;
        let database = client
            .default_database()
            .unwrap_or_else(|| client.database("baseline"));
        let shop = Self {
            tickets: outboxed(
                &database,
                "tickets",
                &[
                    doc! { "user_id": 1, "_id": -1 },
                    doc! { "order_id": 1, "_id": -1 },
                    doc! { "order_id": 1, "price_cents": 1, "_id": -1 },
                    doc! { "order_id": 1, "price_cents": -1, "_id": -1 },
                ],
            )
            .await?,
            orders: outboxed(&database, "orders", &[doc! { "user_id": 1, "_id": -1 }]).await?,
            replicas: database.collection("replicas"),
            reservations: database.collection("reservations"),
            payable: database.collection("payable"),
            changed: (0..TICKETS).map(|_| ObjectId::new()).collect(),
            changes: AtomicUsize::new(0),
            client,
        };
        for id in &shop.changed {
            shop.ticket(*id).await?;
        }
        // Creates the collection, so that no transaction has to.
        let nobody = ObjectId::new();
        let reservation = doc! { "_id": nobody, "order_id": nobody, "user_id": nobody };
        shop.reservations.insert_one(reservation).await?;
        Ok(shop)
    }

    async fn ticket(&self, id: ObjectId) -> Result<()> {
        let mut ticket = doc! { "_id": id, "user_id": id, "released": [] };
        ticket.extend(details(Bson::Null));
        ticket.insert("outbox", [entry("ticket:created", id)]);
        self.tickets.insert_one(ticket).await?;
        empty_outbox(&self.tickets, id).await?;
        self.replicate(id, Bson::Null).await
    }

    /// Reads a ticket, changes it, and publishes the change.
    async fn change(&self, order: Bson) -> Result<()> {
        let number = self.changes.fetch_add(1, Ordering::Relaxed);
        let id = self.changed[number % self.changed.len()];
        self.tickets.find_one(doc! { "_id": id }).await?;
        let changed = doc! {
            "$set": details(order.clone()),
            "$push": { "outbox": { "$each": [entry("ticket:updated", id)] } },
        };
        self.tickets
            .find_one_and_update(doc! { "_id": id, "version": 0_i64 }, changed)
            .await?;
        empty_outbox(&self.tickets, id).await?;
        self.replicate(id, order).await
    }

    async fn replicate(&self, id: ObjectId, order: Bson) -> Result<()> {
        let mut state = details(order);
        state.insert("user_id", id);
        self.replicas
            .update_one(doc! { "_id": id }, doc! { "$set": state })
            .upsert(true)
            .await?;
        Ok(())
    }

    /// On a write conflict the transaction is retried, as in the services.
    async fn order(&self, id: ObjectId, ticket: ObjectId) -> Result<()> {
        let mut session = self.client.start_session().await?;
        while let Err(error) = self.try_order(&mut session, id, ticket).await {
            if !error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
                return Err(error.into());
            }
            // This fails if the commit failed, because the transaction is over then.
            let _ = session.abort_transaction().await;
        }
        Ok(())
    }

    async fn try_order(
        &self,
        session: &mut ClientSession,
        id: ObjectId,
        ticket: ObjectId,
    ) -> mongodb::error::Result<()> {
        session.start_transaction().await?;
        let reservation = doc! { "_id": ticket, "order_id": id, "user_id": id };
        self.reservations
            .insert_one(reservation)
            .session(&mut *session)
            .await?;
        let order = doc! {
            "_id": id,
            "user_id": ticket,
            "status": "created",
            "expires_at": DateTime::now(),
            "ticket": { "id": ticket, "title": TITLE, "price_cents": 1_999_i64, "version": 0_i64 },
            "reason": null,
            "version": 0_i64,
            "outbox": [entry("order:created", id)],
        };
        self.orders.insert_one(order).session(&mut *session).await?;
        session.commit_transaction().await
    }

    /// The order is published, the ticket is reserved and published, the order is confirmed, and payments stores its
    /// replica.
    async fn saga(&self) -> Result<()> {
        let (id, ticket) = (ObjectId::new(), ObjectId::new());
        self.order(id, ticket).await?;
        empty_outbox(&self.orders, id).await?;
        self.change(Bson::ObjectId(id)).await?;
        let confirmed = doc! { "$set": { "status": "awaiting:payment", "version": 1_i64 } };
        self.orders
            .find_one_and_update(doc! { "_id": id, "version": 0_i64 }, confirmed)
            .await?;
        let payable =
            doc! { "status": "created", "user_id": id, "price_cents": 1_999_i64, "version": 0_i64 };
        self.payable
            .update_one(doc! { "_id": id }, doc! { "$set": payable })
            .upsert(true)
            .await?;
        Ok(())
    }
}

const TITLE: &str = "Front row, on the left";

fn details(order: Bson) -> Document {
    doc! { "title": TITLE, "price_cents": 1_999_i64, "order_id": order, "version": 0_i64 }
}

/// An event in an outbox.
fn entry(subject: &str, id: ObjectId) -> Document {
    doc! {
        "id": format!("{id}-0-{id}"),
        "subject": subject,
        "body": format!(r#"{{"id":"{id}","version":0,"title":"{TITLE}","price":19.99,"userId":"{id}"}}"#),
        "time": DateTime::now(),
    }
}

async fn empty_outbox(collection: &Collection<Document>, id: ObjectId) -> Result<()> {
    let published = [format!("{id}-0-{id}")];
    let pull = doc! { "$pull": { "outbox": { "id": { "$in": &published[..] } } } };
    collection.update_one(doc! { "_id": id }, pull).await?;
    Ok(())
}

/// A collection with an outbox: creates its index and these others.
async fn outboxed(
    database: &Database,
    name: &str,
    indexes: &[Document],
) -> Result<Collection<Document>> {
    let collection = database.collection(name);
    let waiting = IndexOptions::builder()
        .partial_filter_expression(doc! { "outbox.time": { "$exists": true } })
        .build();
    let waiting = IndexModel::builder()
        .keys(doc! { "outbox.time": 1 })
        .options(waiting)
        .build();
    let others = indexes
        .iter()
        .map(|keys| IndexModel::builder().keys(keys.clone()).build());
    collection.create_indexes(others.chain([waiting])).await?;
    Ok(collection)
}
