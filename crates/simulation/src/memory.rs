//! A database in memory: as much of MongoDB as the stores use, with exactly its behaviour.
//!
//! Single-document writes are atomic, `_id`s are unique, transactions read a snapshot and fail at once if another one
//! wrote first, and writes outside of transactions wait for those. An operation that it does not support panics. A test
//! runs the same operations here and on a real server and compares the results.
//!
//! It lags like a replica set on which writes wait for a majority and reads return what a majority has. A write takes
//! effect on the primary at once; later writes, unique ids and transactions see it there. Reads outside of transactions
//! see it when a majority has it, which is also when the writer receives its response. A write that changes nothing, or
//! is refused, is answered when the majority has everything that was written before (the server's `LastOpFixer`). So a
//! client that received a response reads what it wrote, without causally consistent sessions. An aborted transaction
//! waits for nothing: its client knows of a newer version that it cannot read yet.

mod data;
mod filter;
mod transaction;
mod update;

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::{Bson, Document};
use futures::FutureExt;
use mongo::raw::{Operation, RawCollection, RawDatabase, RawSession};
use mongo::{Database, Find, StoreError};
use tokio::time::{sleep, sleep_until};

use crate::world::Process;
use data::{Data, Row};
use filter::{compare, matches};
use transaction::Transaction;
use update::{apply, upserted};

/// In percent of inserts: the response is lost, and the driver's retry finds the document of the first try, as after a
/// restart of a server that does not remember the first try.
const REPEATED: u64 = 3;

/// In percent of commits: the response is lost. In percent of those: all further responses are lost as well, for longer
/// than any caller repeats the commit; and the server was killed and has forgotten the transaction that it committed.
const COMMIT_LOST: u64 = 3;
const COMMIT_LOST_FOR_LONG: u64 = 20;
const COMMIT_FORGOTTEN: u64 = 30;

/// In percent of writes: replication to a majority is slow, and takes up to this many milliseconds.
const LAGGING: u64 = 20;
const LONGEST_LAG: u64 = 300;

/// Receives the collection, the old and the new state of each document that is written.
pub(crate) type Witness = Arc<dyn Fn(&str, Option<&Document>, Option<&Document>) + Send + Sync>;

/// A process's connection to a database.
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

    /// The same database for another process.
    #[must_use]
    pub fn reached_by(&self, process: Process) -> Self {
        Self {
            data: Arc::clone(&self.data),
            process,
        }
    }

    /// The database as stores use it.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::replaced_by(Arc::new(self.clone()))
    }

    /// Calls `witness` for every write from now on.
    pub(crate) fn witness(&self, witness: Witness) {
        self.lock().witness = Some(witness);
    }

    /// The documents of a collection on the primary.
    #[must_use]
    pub fn documents(&self, table: &str) -> Vec<Document> {
        let data = self.lock();
        let rows = data.tables.get(table).into_iter().flatten();
        rows.filter_map(|row| row.document.as_deref().cloned())
            .collect()
    }

    /// The documents of a collection on a majority of the members.
    #[must_use]
    pub fn replicated(&self, table: &str) -> Vec<Document> {
        let mut data = self.lock();
        let rows = data.replicated(table).iter();
        rows.map(|row| (*row.document).clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the replication of a write takes.
    fn lag(&self) -> Duration {
        let longest = if self.process.is_unlucky(LAGGING) {
            LONGEST_LAG
        } else {
            1
        };
        Duration::from_millis(self.process.world().below(longest))
    }
}

impl RawDatabase for Memory {
    fn collection(&self, name: &str) -> Arc<dyn RawCollection> {
        Arc::new(Table {
            memory: self.clone(),
            name: name.to_owned(),
        })
    }

    fn session(&self) -> Box<dyn RawSession> {
        Box::new(Transaction::new(self.clone()))
    }
}

/// What a write outside of a transaction does.
enum Write<T> {
    /// It stores this state under this `_id`, and returns the value.
    Put(Bson, Option<Document>, T),
    /// It changes nothing, and returns the value.
    Nothing(T),
    /// It waits for an open transaction that wrote the document.
    Wait,
}

/// A process's connection to a collection.
#[derive(Debug)]
struct Table {
    memory: Memory,
    name: String,
}

impl RawCollection for Table {
    fn name(&self) -> &str {
        &self.name
    }

    fn find(&self, find: Find) -> Operation<'_, Vec<Document>> {
        async move {
            self.memory.process.step().await;
            let found = self.matching(&find);
            self.memory.process.step().await;
            Ok(found.iter().map(|found| (**found).clone()).collect())
        }
        .boxed()
    }

    fn insert_one(&self, document: Document) -> Operation<'_, ()> {
        async move {
            let id = id_of(&document);
            let inserted = self.write(|data, table| match data.row(table, &id) {
                Some(row) if row.held_by.is_some() => Write::Wait,
                Some(_) => Write::Nothing(Err(StoreError::duplicate_key())),
                None => Write::Put(id.clone(), Some(document.clone()), Ok(())),
            });
            inserted.await?;
            if self.memory.process.is_unlucky(REPEATED) {
                return Err(StoreError::duplicate_key());
            }
            Ok(())
        }
        .boxed()
    }

    fn update_one(&self, filter: Document, update: Document, upsert: bool) -> Operation<'_, bool> {
        async move {
            let updated = self.write(|data, table| {
                if let Some(row) = data.find(table, &filter) {
                    return changed(row, &update, |_| Ok(true));
                }
                if !upsert {
                    return Write::Nothing(Ok(false));
                }
                let document = upserted(&filter, &update);
                let id = id_of(&document);
                match data.row(table, &id) {
                    Some(row) if row.held_by.is_some() => Write::Wait,
                    Some(_) => Write::Nothing(Err(StoreError::duplicate_key())),
                    None => Write::Put(id, Some(document), Ok(false)),
                }
            });
            updated.await
        }
        .boxed()
    }

    fn find_one_and_update(
        &self,
        filter: Document,
        update: Document,
    ) -> Operation<'_, Option<Document>> {
        async move {
            let changed = self.write(|data, table| match data.find(table, &filter) {
                Some(row) => changed(row, &update, |document| Some(document.clone())),
                None => Write::Nothing(None),
            });
            Ok(changed.await)
        }
        .boxed()
    }

    fn find_one_and_delete(&self, filter: Document) -> Operation<'_, Option<Document>> {
        async move {
            let deleted = self.write(|data, table| match data.find(table, &filter) {
                Some(row) if row.held_by.is_some() => Write::Wait,
                Some(row) => Write::Put(row.id.clone(), None, row.document.as_deref().cloned()),
                None => Write::Nothing(None),
            });
            Ok(deleted.await)
        }
        .boxed()
    }
}

impl Table {
    /// The documents that a majority has and that match.
    fn matching(&self, find: &Find) -> Vec<Arc<Document>> {
        let mut data = self.memory.lock();
        let rows = data.replicated(&self.name).iter();
        let mut found: Vec<_> = rows
            .filter(|row| matches(&row.document, &find.filter))
            .map(|row| Arc::clone(&row.document))
            .collect();
        if let Some(order) = &find.sort {
            found.sort_by(|a, b| in_order(a, b, order));
        }
        if let Some(limit) = find.limit {
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        found
    }

    /// Writes as soon as no open transaction has the document. Returns when a majority has this and all earlier writes.
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
                // A step may take no time at all, but the transaction needs some.
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

fn id_of(document: &Document) -> Bson {
    document.get("_id").cloned().expect("a document has an id")
}

fn in_order(a: &Document, b: &Document, order: &Document) -> Ordering {
    order
        .iter()
        .map(|(name, direction)| {
            let ordering = compare(a.get(name), b.get(name)).unwrap_or(Ordering::Equal);
            if direction.as_i32() == Some(-1) {
                ordering.reverse()
            } else {
                ordering
            }
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}
