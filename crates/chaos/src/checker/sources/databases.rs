//! The documents of all services, whole collections at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use bson::doc;
use bson::oid::ObjectId;
use futures::TryStreamExt;
use mongodb::Client;
use mongodb::options::{ClientOptions, ReadConcern};
use serde::de::DeserializeOwned;

use crate::checker::documents::{Order, OrderReplica, Payment, Reservation, Ticket, User};
use crate::checker::snapshot::Databases;

/// A database that is away is tried again by whoever looks.
const PATIENCE: Duration = Duration::from_secs(2);

/// Few round trips for a collection.
const BATCH: u32 = 10_000;

#[derive(Debug, Clone)]
pub(super) struct DatabaseSource {
    client: Client,
}

impl DatabaseSource {
    pub(super) async fn open(uri: &str) -> Result<Self> {
        let mut options = ClientOptions::parse(uri)
            .await
            .context("MongoDB's address")?;
        options.app_name = Some("checker".to_owned());
        options.connect_timeout = Some(PATIENCE);
        options.server_selection_timeout = Some(PATIENCE);
        // What is not on disk with a majority is nothing that anybody may count on.
        options.read_concern = Some(ReadConcern::majority());
        Ok(Self {
            client: Client::with_options(options)?,
        })
    }

    /// Everything that has a version.
    pub(super) async fn versioned(&self) -> Result<Databases> {
        let (tickets, ticket_replicas, orders, order_replicas, payments) = tokio::try_join!(
            self.by_id("tickets", "tickets", |ticket: &Ticket| ticket.id),
            self.by_id("orders", "tickets", |ticket: &Ticket| ticket.id),
            self.by_id("orders", "orders", |order: &Order| order.id),
            self.by_id("payments", "orders", |order: &OrderReplica| order.id),
            self.by_id("payments", "payments", |payment: &Payment| payment.order_id),
        )?;
        Ok(Databases {
            tickets,
            ticket_replicas,
            orders,
            order_replicas,
            payments,
        })
    }

    /// Addresses by account.
    pub(super) async fn users(&self) -> Result<BTreeMap<ObjectId, String>> {
        let users = self.all::<User>("auth", "users").await?;
        Ok(users
            .into_iter()
            .map(|user| (user.id, user.email))
            .collect())
    }

    /// Orders by ticket.
    pub(super) async fn reservations(&self) -> Result<BTreeMap<ObjectId, ObjectId>> {
        let claims = self.all::<Reservation>("orders", "reservations").await?;
        let claims = claims.into_iter();
        Ok(claims
            .map(|claim| (claim.ticket_id, claim.order_id))
            .collect())
    }

    async fn by_id<D>(
        &self,
        database: &str,
        collection: &str,
        id: fn(&D) -> ObjectId,
    ) -> Result<BTreeMap<ObjectId, D>>
    where
        D: DeserializeOwned + Send + Sync + Unpin,
    {
        let documents = self.all::<D>(database, collection).await?;
        Ok(documents
            .into_iter()
            .map(|document| (id(&document), document))
            .collect())
    }

    async fn all<D>(&self, database: &str, collection: &str) -> Result<Vec<D>>
    where
        D: DeserializeOwned + Send + Sync + Unpin,
    {
        let documents = self.client.database(database).collection::<D>(collection);
        // Boxed: the driver's futures are large, and several of these wait at once.
        let found = Box::pin(async {
            let found = documents.find(doc! {}).batch_size(BATCH).await?;
            found.try_collect().await
        });
        let found: mongodb::error::Result<Vec<D>> = found.await;
        found.with_context(|| format!("{database}.{collection}"))
    }
}
