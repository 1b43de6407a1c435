//! Transactions in memory: a snapshot to read, what was written so far, and the first to write wins.

use std::collections::BTreeMap;
use std::sync::Arc;

use bson::{Bson, Document};

use super::filter::matches;
use super::update::apply;
use super::{Memory, Refusal, Row, id_of};

/// A transaction, started or not. Dropping it aborts.
#[derive(Debug)]
pub struct Transaction {
    memory: Memory,
    number: u64,
    snapshot: BTreeMap<String, Vec<Row>>,
    written: Vec<Written>,
}

#[derive(Debug)]
struct Written {
    table: String,
    id: Bson,
    document: Option<Arc<Document>>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.id.fmt(f)
    }
}

impl Transaction {
    pub(super) const fn new(memory: Memory) -> Self {
        Self {
            memory,
            number: 0,
            snapshot: BTreeMap::new(),
            written: Vec::new(),
        }
    }

    pub(super) async fn step(&self) {
        self.memory.process.step().await;
    }

    /// Begins, with the database as it is now.
    pub(in crate::mongo) fn start(&mut self) {
        self.abort();
        let mut data = self.memory.lock();
        data.transactions += 1;
        self.number = data.transactions;
        self.snapshot = data.tables.clone();
    }

    /// Makes all of it visible at once.
    pub(in crate::mongo) async fn commit(&mut self) {
        self.step().await;
        {
            let mut data = self.memory.lock();
            for written in self.written.drain(..) {
                data.put(&written.table, &written.id, written.document);
            }
        }
        self.step().await;
    }

    /// Makes none of it visible.
    pub(in crate::mongo) fn abort(&mut self) {
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

    pub(super) fn insert(&mut self, table: &str, document: Document) -> Result<(), Refusal> {
        let id = id_of(&document);
        if self.sees(table, &id).is_some() {
            return Err(Refusal::Duplicate);
        }
        self.write(table, id, Some(document))
    }

    pub(super) fn update(
        &mut self,
        table: &str,
        filter: &Document,
        update: &Document,
    ) -> Result<bool, Refusal> {
        let Some(found) = self.find(table, filter) else {
            return Ok(false);
        };
        let mut document = (*found).clone();
        apply(&mut document, update);
        self.write(table, id_of(&document), Some(document))?;
        Ok(true)
    }

    pub(super) fn delete_all(&mut self, table: &str, filter: &Document) -> Result<(), Refusal> {
        while let Some(found) = self.find(table, filter) {
            self.write(table, id_of(&found), None)?;
        }
        Ok(())
    }

    fn find(&self, table: &str, filter: &Document) -> Option<Arc<Document>> {
        let rows = self.snapshot.get(table).into_iter().flatten();
        let written = self.written.iter().filter(|written| written.table == table);
        let ids = rows.map(|row| &row.id).chain(written.map(|row| &row.id));
        ids.filter_map(|id| self.sees(table, id))
            .find(|document| matches(document, filter))
    }

    /// The document as this transaction sees it.
    fn sees(&self, table: &str, id: &Bson) -> Option<Arc<Document>> {
        let mut written = self.written.iter().rev();
        match written.find(|written| written.table == table && written.id == *id) {
            Some(own) => own.document.clone(),
            None => self.in_snapshot(table, id),
        }
    }

    fn in_snapshot(&self, table: &str, id: &Bson) -> Option<Arc<Document>> {
        let rows = self.snapshot.get(table)?;
        rows.iter().find(|row| row.id == *id)?.document.clone()
    }

    fn write(&mut self, table: &str, id: Bson, document: Option<Document>) -> Result<(), Refusal> {
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
            return Err(Refusal::Conflict);
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
