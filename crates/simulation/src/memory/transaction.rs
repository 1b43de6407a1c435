//! Transactions in memory: each reads a snapshot and its own writes, and the first to write a document wins.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;

use bson::{Bson, Document};
use futures::FutureExt;
use mongo::StoreError;
use mongo::raw::{Operation, RawSession};
use tokio::time::sleep_until;

use super::filter::matches;
use super::update::apply;
use super::{COMMIT_FORGOTTEN, COMMIT_LOST, COMMIT_LOST_FOR_LONG, Memory, Row, id_of};

/// A session with at most one transaction. Dropping it aborts the transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    memory: Memory,
    number: u64,
    snapshot: BTreeMap<String, Vec<Row>>,
    written: Vec<Written>,
    commit: Commit,
}

/// The state of the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    Open,
    Done,
    /// Done, and no response arrives.
    Unanswered,
}

#[derive(Debug)]
struct Written {
    table: String,
    id: Bson,
    document: Option<Arc<Document>>,
}

impl Written {
    fn is(&self, table: &str, id: &Bson) -> bool {
        self.table == table && self.id == *id
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.id.fmt(f)
    }
}

impl RawSession for Transaction {
    fn start(&mut self) {
        self.abort();
        let mut data = self.memory.lock();
        data.transactions += 1;
        self.number = data.transactions;
        self.snapshot = data.tables.clone();
        self.commit = Commit::Open;
    }

    fn commit(&mut self) -> Operation<'_, ()> {
        self.commit_once().boxed()
    }

    fn abort(&mut self) {
        let mut data = self.memory.lock();
        for written in self.written.drain(..) {
            if let Some(row) = data.row(&written.table, &written.id) {
                row.held_by = None;
            }
            if let Some(rows) = data.tables.get_mut(&written.table) {
                rows.retain(|row| row.document.is_some() || row.held_by.is_some());
            }
        }
    }

    fn insert_many<'a>(
        &'a mut self,
        table: &'a str,
        documents: Vec<Document>,
    ) -> Operation<'a, ()> {
        async move {
            self.step().await;
            let mut documents = documents.into_iter();
            let inserted = documents.try_for_each(|document| self.insert(table, document));
            self.step().await;
            inserted
        }
        .boxed()
    }

    fn update_many<'a>(
        &'a mut self,
        table: &'a str,
        changes: Vec<(Document, Document)>,
    ) -> Operation<'a, bool> {
        async move {
            self.step().await;
            let changes = changes.iter();
            let matched = changes.map(|(filter, update)| self.update(table, filter, update));
            let matched: Result<Vec<_>, _> = matched.collect();
            self.step().await;
            Ok(!matched?.contains(&false))
        }
        .boxed()
    }

    fn update_all<'a>(
        &'a mut self,
        table: &'a str,
        filter: Document,
        update: Document,
    ) -> Operation<'a, ()> {
        async move {
            self.step().await;
            let found: Vec<_> = self.find(table, &filter).collect();
            let mut found = found.iter();
            let updated = found.try_for_each(|document| self.change(table, document, &update));
            self.step().await;
            updated
        }
        .boxed()
    }

    fn delete_many<'a>(&'a mut self, table: &'a str, filter: Document) -> Operation<'a, ()> {
        async move {
            self.step().await;
            let found: Vec<_> = self.find(table, &filter).collect();
            let mut found = found.iter();
            let deleted = found.try_for_each(|found| self.write(table, id_of(found), None));
            self.step().await;
            deleted
        }
        .boxed()
    }
}

impl Transaction {
    pub(super) const fn new(memory: Memory) -> Self {
        Self {
            memory,
            number: 0,
            snapshot: BTreeMap::new(),
            written: Vec::new(),
            commit: Commit::Open,
        }
    }

    /// Takes a step. A server aborts the transaction of a process that dies, also if other tasks of that process still hold
    /// it here.
    async fn step(&mut self) {
        let process = self.memory.process.clone();
        tokio::select! {
            biased;
            () = process.step() => {}
            () = process.died() => {
                self.abort();
                pending::<()>().await;
            }
        }
    }

    async fn commit_once(&mut self) -> Result<(), StoreError> {
        self.step().await;
        let process = self.memory.process.clone();
        match self.commit {
            Commit::Open => self.write_all().await,
            Commit::Done if process.is_unlucky(COMMIT_FORGOTTEN) => {
                return Err(StoreError::write_conflict());
            }
            Commit::Done => return Ok(()),
            Commit::Unanswered => return Err(StoreError::no_answer()),
        }
        self.step().await;
        if !process.is_unlucky(COMMIT_LOST) {
            return Ok(());
        }
        self.commit = if process.is_unlucky(COMMIT_LOST_FOR_LONG) {
            Commit::Unanswered
        } else {
            Commit::Done
        };
        Err(StoreError::no_answer())
    }

    async fn write_all(&mut self) {
        let lag = self.memory.lag();
        let at = {
            let mut data = self.memory.lock();
            let at = data.replicated_after(lag);
            for written in self.written.drain(..) {
                data.put(&written.table, &written.id, written.document, at);
            }
            at
        };
        sleep_until(at).await;
    }

    fn insert(&mut self, table: &str, document: Document) -> Result<(), StoreError> {
        let id = id_of(&document);
        if self.sees(table, &id).is_some() {
            return Err(StoreError::duplicate_key());
        }
        self.write(table, id, Some(document))
    }

    fn update(
        &mut self,
        table: &str,
        filter: &Document,
        update: &Document,
    ) -> Result<bool, StoreError> {
        let found = self.find(table, filter).next();
        match found {
            Some(found) => self.change(table, &found, update).map(|()| true),
            None => Ok(false),
        }
    }

    fn change(
        &mut self,
        table: &str,
        found: &Document,
        update: &Document,
    ) -> Result<(), StoreError> {
        let mut document = found.clone();
        apply(&mut document, update);
        self.write(table, id_of(&document), Some(document))
    }

    /// The documents that match, in this transaction's view.
    fn find(&self, table: &str, filter: &Document) -> impl Iterator<Item = Arc<Document>> {
        let rows = self.snapshot.get(table).into_iter().flatten();
        let read = rows.map(|row| &row.id);
        let added = self
            .written
            .iter()
            .enumerate()
            .filter(move |(number, written)| {
                let before = &self.written[..*number];
                let again = before.iter().any(|one| one.is(table, &written.id));
                written.table == table && !again && self.in_snapshot(table, &written.id).is_none()
            });
        let ids = read.chain(added.map(|(_, written)| &written.id));
        ids.filter_map(move |id| self.sees(table, id))
            .filter(move |document| matches(document, filter))
    }

    /// The document in this transaction's view.
    fn sees(&self, table: &str, id: &Bson) -> Option<Arc<Document>> {
        let mut written = self.written.iter().rev();
        match written.find(|written| written.is(table, id)) {
            Some(own) => own.document.clone(),
            None => self.in_snapshot(table, id),
        }
    }

    fn in_snapshot(&self, table: &str, id: &Bson) -> Option<Arc<Document>> {
        let rows = self.snapshot.get(table)?;
        rows.iter().find(|row| row.id == *id)?.document.clone()
    }

    fn write(
        &mut self,
        table: &str,
        id: Bson,
        document: Option<Document>,
    ) -> Result<(), StoreError> {
        let seen = self.in_snapshot(table, &id);
        let mut data = self.memory.lock();
        let row = data.row(table, &id);
        let holder = row.as_ref().and_then(|row| row.held_by);
        let now = row.as_ref().and_then(|row| row.document.clone());
        let unchanged = match (&seen, &now) {
            (Some(seen), Some(now)) => Arc::ptr_eq(seen, now),
            (seen, now) => seen.is_none() && now.is_none(),
        };
        if holder.is_some_and(|holder| holder != self.number) || !unchanged {
            return Err(StoreError::write_conflict());
        }
        match row {
            Some(row) => row.held_by = Some(self.number),
            None => data.tables.entry(table.to_owned()).or_default().push(Row {
                id: id.clone(),
                document: None,
                held_by: Some(self.number),
            }),
        }
        drop(data);
        self.written.push(Written {
            table: table.to_owned(),
            id,
            document: document.map(Arc::new),
        });
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.abort();
    }
}
