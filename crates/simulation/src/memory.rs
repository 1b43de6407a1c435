//! A database in memory for the simulation: as much of MongoDB as the stores use, and exactly as it behaves.
//!
//! Single-document writes are atomic, `_id`s are unique, transactions read a snapshot and lose at once against whoever
//! wrote first, and writes outside of transactions wait for those. What it does not know it refuses loudly. A test runs
//! the same operations here and on a real server and compares.
//!
//! It lags as a replica set does on which writes wait for a majority and reads return what a majority has. A write takes
//! effect on the primary at once; guards of later writes, unique ids and transactions see it there. Reads outside of
//! transactions see it when a majority has it, which is also when the writer receives its answer. A write that changes
//! nothing, or is refused, is answered when the majority has all that was written before (the server's `LastOpFixer`).
//! So a client that received an answer finds what it wrote, without causally consistent sessions. An aborted transaction waits for
//! nothing: its client knows of a newer version that it cannot read yet.

mod data;
mod filter;
mod transaction;
mod update;

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::{Bson, Document};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, sleep_until};

use super::{Find, StoreError};
use base::simulation::Process;
use data::{Data, Row};
use filter::{compare, field, matches};
pub use transaction::Transaction;
use update::{apply, upserted};

/// How often in a hundred an insert's answer gets lost and the driver's second try finds what the first one wrote, as
/// after the death of a server that does not remember what it was asked.
const REPEATED: u64 = 3;

/// How often in a hundred the answer to a commit gets lost; how often the next ones are lost as well, for longer than
/// anybody asks again; and how often a server was killed meanwhile and does not remember the transaction that it
/// committed.
const COMMIT_LOST: u64 = 3;
const COMMIT_LOST_FOR_LONG: u64 = 20;
const COMMIT_FORGOTTEN: u64 = 30;

/// How often in a hundred a write takes long to reach a majority, and how many milliseconds at most.
const LAGGING: u64 = 20;
const LONGEST_LAG: u64 = 300;

/// Why the database refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The `_id` is taken.
    #[error("duplicate key")]
    Duplicate,
    /// Another transaction wrote it first.
    #[error("write conflict")]
    Conflict,
    /// The answer to a commit got lost.
    #[error("unknown result of a commit")]
    UnknownCommit,
}

/// Told of each document that is written: the collection, the document as it was, and as it is.
pub type Witness = Arc<dyn Fn(&str, Option<&Document>, Option<&Document>) + Send + Sync>;

/// A database, as one process reaches it.
#[derive(Debug, Clone)]
pub struct Memory {
    data: Arc<Mutex<Data>>,
    process: Process,
}

impl Memory {
    /// An empty database.
    #[must_use]
    pub fn new(process: Process) -> Self {
        Self {
            data: Arc::default(),
            process,
        }
    }

    /// The same database, as another process reaches it.
    #[must_use]
    pub fn reached_by(&self, process: Process) -> Self {
        Self {
            data: Arc::clone(&self.data),
            process,
        }
    }

    /// Lets somebody see every write from now on.
    pub fn witness(&self, witness: Witness) {
        self.lock().witness = Some(witness);
    }

    /// The documents of a collection as they are, for whoever checks them.
    #[must_use]
    pub fn documents(&self, table: &str) -> Vec<Document> {
        let data = self.lock();
        let rows = data.tables.get(table).into_iter().flatten();
        rows.filter_map(|row| row.document.as_deref().cloned())
            .collect()
    }

    /// The documents of a collection as a majority of the members has them.
    #[must_use]
    pub fn replicated(&self, table: &str) -> Vec<Document> {
        let mut data = self.lock();
        let rows = data.replicated(table).iter();
        rows.map(|row| (*row.document).clone()).collect()
    }

    pub(super) fn table(&self, name: &str) -> Table {
        Table {
            memory: self.clone(),
            name: name.to_owned(),
        }
    }

    pub(super) fn transaction(&self) -> Transaction {
        Transaction::new(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a write of this process takes to reach a majority.
    fn lag(&self) -> Duration {
        let longest = if self.process.is_unlucky(LAGGING) {
            LONGEST_LAG
        } else {
            1
        };
        Duration::from_millis(self.process.world().below(longest))
    }
}

/// What a write outside of a transaction does with the row that it finds.
enum Write<T> {
    /// Puts this there, and gives that.
    Put(Bson, Option<Document>, T),
    /// Nothing, and gives that.
    Nothing(T),
    /// Somebody's transaction has it.
    Wait,
}

/// A collection, as one process reaches it.
#[derive(Debug, Clone)]
pub struct Table {
    memory: Memory,
    name: String,
}

impl Table {
    pub(super) async fn find_one<D: DeserializeOwned>(
        &self,
        filter: &Document,
    ) -> Result<Option<D>, StoreError> {
        let find = Find::matching(filter.clone()).limit(1);
        Ok(self.find(&find).await?.pop())
    }

    pub(super) async fn find<D: DeserializeOwned>(
        &self,
        find: &Find,
    ) -> Result<Vec<D>, StoreError> {
        self.memory.process.step().await;
        let mut found: Vec<Arc<Document>> = {
            let mut data = self.memory.lock();
            let rows = data.replicated(&self.name).iter();
            rows.filter(|row| matches(&row.document, &find.filter))
                .map(|row| Arc::clone(&row.document))
                .collect()
        };
        if let Some(order) = &find.sort {
            found.sort_by(|a, b| in_order(a, b, order));
        }
        if let Some(most) = find.limit {
            found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        self.memory.process.step().await;
        let found = found.iter().map(|document| read(document));
        found.collect()
    }

    pub(super) async fn insert_one<D: Serialize>(&self, document: &D) -> Result<(), StoreError> {
        let document = bson::serialize_to_document(document)?;
        let id = id_of(&document);
        let inserted = self.write(|data, table| match data.row(table, &id) {
            Some(row) if row.held_by.is_some() => Write::Wait,
            Some(_) => Write::Nothing(Err(Refusal::Duplicate)),
            None => Write::Put(id.clone(), Some(document.clone()), Ok(())),
        });
        inserted.await?;
        if self.memory.process.is_unlucky(REPEATED) {
            return Err(Refusal::Duplicate.into());
        }
        Ok(())
    }

    pub(super) async fn update_one(
        &self,
        filter: &Document,
        update: &Document,
        upsert: bool,
    ) -> Result<bool, StoreError> {
        let updated = self.write(|data, table| {
            if let Some(row) = data.find(table, filter) {
                return changed(row, update, |_| Ok(true));
            }
            if !upsert {
                return Write::Nothing(Ok(false));
            }
            let document = upserted(filter, update);
            let id = id_of(&document);
            match data.row(table, &id) {
                Some(row) if row.held_by.is_some() => Write::Wait,
                Some(_) => Write::Nothing(Err(Refusal::Duplicate)),
                None => Write::Put(id, Some(document), Ok(false)),
            }
        });
        Ok(updated.await?)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn find_one_and_update<D: DeserializeOwned>(
        &self,
        filter: &Document,
        update: &Document,
    ) -> Result<Option<D>, StoreError> {
        let changed = self.write(|data, table| match data.find(table, filter) {
            Some(row) => changed(row, update, |document| Some(document.clone())),
            None => Write::Nothing(None),
        });
        changed.await.as_ref().map(read).transpose()
    }

    pub(super) async fn find_one_and_delete<D: DeserializeOwned>(
        &self,
        filter: &Document,
    ) -> Result<Option<D>, StoreError> {
        let deleted = self.write(|data, table| match data.find(table, filter) {
            Some(row) if row.held_by.is_some() => Write::Wait,
            Some(row) => Write::Put(row.id.clone(), None, row.document.as_deref().cloned()),
            None => Write::Nothing(None),
        });
        deleted.await.as_ref().map(read).transpose()
    }

    pub(super) async fn insert_many_in<D: Serialize>(
        &self,
        transaction: &mut Transaction,
        documents: &[D],
    ) -> Result<(), StoreError> {
        let documents = documents.iter().map(bson::serialize_to_document);
        let documents = documents.collect::<Result<Vec<_>, _>>()?;
        transaction.step().await;
        let inserted = documents
            .into_iter()
            .try_for_each(|document| transaction.insert(&self.name, document));
        transaction.step().await;
        Ok(inserted?)
    }

    pub(super) async fn update_many_in(
        &self,
        transaction: &mut Transaction,
        changes: &[(Document, Document)],
    ) -> Result<bool, StoreError> {
        transaction.step().await;
        let matched = changes
            .iter()
            .map(|(filter, update)| transaction.update(&self.name, filter, update));
        let matched: Result<Vec<_>, _> = matched.collect();
        transaction.step().await;
        Ok(!matched?.contains(&false))
    }

    pub(super) async fn update_all_in(
        &self,
        transaction: &mut Transaction,
        filter: &Document,
        update: &Document,
    ) -> Result<(), StoreError> {
        transaction.step().await;
        let updated = transaction.update_all(&self.name, filter, update);
        transaction.step().await;
        Ok(updated?)
    }

    pub(super) async fn delete_many_in(
        &self,
        transaction: &mut Transaction,
        filter: &Document,
    ) -> Result<(), StoreError> {
        transaction.step().await;
        let deleted = transaction.delete_all(&self.name, filter);
        transaction.step().await;
        Ok(deleted?)
    }

    /// One write, decided and done in one moment, as soon as no transaction stands in its way; answered once a majority
    /// has it, and all that was written before.
    async fn write<T>(&self, decide: impl Fn(&mut Data, &str) -> Write<T>) -> T {
        loop {
            self.memory.process.step().await;
            let lag = self.memory.lag();
            let done = {
                let mut data = self.memory.lock();
                match decide(&mut data, &self.name) {
                    Write::Put(id, document, value) => {
                        let at = data.replicated_after(lag);
                        data.put(&self.name, &id, document.map(Arc::new), at);
                        Some((value, at))
                    }
                    Write::Nothing(value) => Some((value, data.replicated_after(Duration::ZERO))),
                    Write::Wait => None,
                }
            };
            match done {
                Some((value, at)) => {
                    sleep_until(at).await;
                    self.memory.process.step().await;
                    return value;
                }
                // A step may take no time at all, and whoever holds the row needs some.
                None => sleep(Duration::from_millis(1)).await,
            }
        }
    }
}

fn changed<T>(row: &Row, update: &Document, value: impl Fn(&Document) -> T) -> Write<T> {
    if row.held_by.is_some() {
        return Write::Wait;
    }
    let mut document = row.document.as_deref().cloned().unwrap_or_default();
    apply(&mut document, update);
    let value = value(&document);
    Write::Put(row.id.clone(), Some(document), value)
}

fn read<D: DeserializeOwned>(document: &Document) -> Result<D, StoreError> {
    Ok(bson::deserialize_from_document(document.clone())?)
}

fn id_of(document: &Document) -> Bson {
    document.get("_id").cloned().expect("a document has an id")
}

fn in_order(a: &Document, b: &Document, order: &Document) -> Ordering {
    order
        .iter()
        .map(|(name, direction)| {
            let ordering = compare(field(a, name), field(b, name)).unwrap_or(Ordering::Equal);
            if direction.as_i32() == Some(-1) {
                ordering.reverse()
            } else {
                ordering
            }
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}
